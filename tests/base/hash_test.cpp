#include "base/hash.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/files.hpp"
#include "support/files.hpp"

namespace layersweep::base {
namespace {

// FIPS 180-4 examples and the empty message.
constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kMillionLetters = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256, GivesThePublishedAnswers) {
  EXPECT_EQ(sha256_of_text(""), kEmpty);
  EXPECT_EQ(sha256_of_text("abc"), kAbc);
  EXPECT_EQ(sha256_of_text(std::string(1'000'000, 'a')), kMillionLetters);
}

TEST(Sha256, IsTheSameInPieces) {
  Sha256 hash;
  for (int piece = 0; piece < 1000; ++piece) hash.add(std::string(1000, 'a'));
  EXPECT_EQ(hash.hex(), kMillionLetters);
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder.path() / "letters", std::string(1'000'000, 'a'));
  write_file_atomically(folder.path() / "empty", "");
  EXPECT_EQ(sha256_of_file(folder.path() / "letters"), kMillionLetters);
  EXPECT_EQ(sha256_of_file(folder.path() / "empty"), kEmpty);
}

TEST(Sha256, RefusesWhatCannotBeRead) {
  const test::TemporaryFolder folder;
  EXPECT_THROW(sha256_of_file(folder.path() / "missing"), InputError);
  EXPECT_THROW(sha256_of_file(folder.path()), InputError);  // not the hash of nothing
}

}  // namespace
}  // namespace layersweep::base
