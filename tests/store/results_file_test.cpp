// What the reader gives, and what it refuses.
#include "store/results_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "base/error.hpp"
#include "damage.hpp"
#include "sample.hpp"
#include "store/inspect.hpp"
#include "store/validate.hpp"
#include "support/files.hpp"

namespace layersweep {
namespace {

using store::ResultsFile;
using test::reshape;
using test::set_cell;

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

class Reader : public testing::Test {
 protected:
  Reader() { test::write_sample(comm::Communicator(), good_); }

  // The message with which a file is refused.
  static std::string refusal(const std::filesystem::path& path) {
    try {
      ResultsFile::open(path);
    } catch (const base::InputError& error) {
      return error.what();
    }
    ADD_FAILURE() << path << " was accepted";
    return "";
  }

  test::TemporaryFolder folder_;
  std::filesystem::path good_ = folder_.path() / "results.h5";
  std::filesystem::path bad_ = folder_.path() / "bad.h5";
};

TEST_F(Reader, GivesWhatWasWritten) {
  const ResultsFile file = ResultsFile::open(good_);
  EXPECT_THAT(file.modes(), testing::ElementsAre("input", "hidden"));
  EXPECT_EQ(file.size("example"), 7);
  EXPECT_EQ(file.size("token"), test::sample_contents().tokens);
  EXPECT_EQ(file.size("seed"), 2);
  EXPECT_EQ(file.size("input/step"), 2);
  EXPECT_EQ(file.size("hidden/step"), 0);
  EXPECT_FALSE(file.has("start_logits"));
  EXPECT_FALSE(file.has("hidden/training_kl"));
  EXPECT_THAT(file.shape("input/keep_probability"), testing::ElementsAre(2, 3, test::sample_contents().tokens));
  EXPECT_THAT(file.read<std::uint8_t>("split"), testing::ElementsAre(1, 2, 1, 2, 1, 2, 1));
  EXPECT_THAT(file.read_text("token_text", 1, 2), testing::ElementsAre("##1", "Ġ2"));
  EXPECT_EQ(file.text("experiment"), test::sample_provenance().experiment);
  EXPECT_EQ(file.text("vocabulary_sha256"), "");
  EXPECT_EQ(file.text("threads"), "2");
  EXPECT_EQ(file.text("nothing"), std::nullopt);
  EXPECT_EQ(file.number("epsilon"), 0.1);
}

TEST_F(Reader, GivesASlabOfAMask) {
  const auto cells = ResultsFile::open(good_).read<float>("input/keep_probability", {{1, 2, 4}, {1, 1, 3}});
  EXPECT_THAT(cells, testing::ElementsAre(test::sample_float(1204), test::sample_float(1205), test::sample_float(1206)));
}

TEST_F(Reader, NamesTheVariableThatIsNotThere) {
  EXPECT_THROW(ResultsFile::open(good_).read<float>("hidden/training_kl"), base::InputError);
}

TEST_F(Reader, RefusesCallsThatTheSchemaRulesOut) {
  const ResultsFile file = ResultsFile::open(good_);
  EXPECT_THROW(file.read<std::int32_t>("input/kl"), base::InternalError);
  EXPECT_THROW(file.read<float>("input/kl", {{0, 0}, {1, 1}}), base::InternalError);
  EXPECT_THROW(file.read_text("label"), base::InternalError);
}

TEST_F(Reader, RefusesWhatIsNoResultsFile) {
  EXPECT_THAT(refusal(bad_), testing::HasSubstr("no regular file"));
  EXPECT_THAT(refusal(folder_.path()), testing::HasSubstr("no regular file"));
  put_bytes(bad_, "a text");
  EXPECT_THAT(refusal(bad_), testing::HasSubstr("file signature not found"));
  H5Fclose(H5Fcreate(bad_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  EXPECT_THAT(refusal(bad_), testing::HasSubstr("layersweep_layout"));
}

TEST_F(Reader, RefusesAPartFileEvenAWholeOne) {
  const auto part = folder_.path() / "results.h5.part";
  std::filesystem::copy_file(good_, part);
  EXPECT_THAT(refusal(part), testing::HasSubstr(".part"));
}

TEST_F(Reader, RefusesAnUnfinishedFileOrAnotherLayout) {
  const auto with_number = [&](const char* name, int value) {
    std::filesystem::copy_file(good_, bad_, std::filesystem::copy_options::overwrite_existing);
    const hid_t file = H5Fopen(bad_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t attribute = H5Aopen(file, name, H5P_DEFAULT);
    H5Awrite(attribute, H5T_NATIVE_INT, &value);
    H5Aclose(attribute);
    H5Fclose(file);
    return refusal(bad_);
  };
  EXPECT_THAT(with_number("complete", 0), testing::HasSubstr("unfinished"));
  EXPECT_THAT(with_number("layersweep_layout", 2), testing::HasSubstr("version 2"));
}

// Readers index one variable by what another holds, and not all of them validate the file first.
TEST_F(Reader, RefusesWhatDoesNotFitTogether) {
  struct Case {
    std::function<void(hid_t)> damage;
    const char* named;
  };
  const Case cases[] = {
      {[](hid_t f) { reshape(f, "point_name", {3}, {"point"}); }, "/point_name has 1 dimensions"},
      {[](hid_t f) {
         reshape(f, "hidden/accepted", {1, 3}, {"seed", "point"});
       },
       "dimension 0 of /hidden/accepted"},
      {[](hid_t f) { reshape(f, "input/chosen_seed", {2}, {"point"}); }, "dimension 0 of /input/chosen_seed"},
      {[](hid_t f) { set_cell(f, "hidden/chosen_seed", {1}, 2); }, "hidden/chosen_seed holds 2, which"},
      {[](hid_t f) { set_cell(f, "input/chosen_seed", {1}, -2); }, "input/chosen_seed holds -2, which"},
      {[](hid_t f) {
         H5Adelete(f, "command");
         H5Lcreate_hard(f, "token_text", f, "command", H5P_DEFAULT, H5P_DEFAULT);
       },
       "command has 2 dimensions"},
      {[](hid_t f) { reshape(f, "example", {}, {}); }, "/example has 0 dimensions"},
      {[](hid_t f) {
         H5Ldelete(f, "input/kl_mean", H5P_DEFAULT);
         H5Lcreate_hard(f, "input/steps", f, "input/kl_mean", H5P_DEFAULT, H5P_DEFAULT);
       },
       "kl_mean does not hold float32"},
  };
  for (const Case& wrong : cases) {
    std::filesystem::copy_file(good_, bad_, std::filesystem::copy_options::overwrite_existing);
    const hid_t file = H5Fopen(bad_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    wrong.damage(file);
    H5Fclose(file);
    try {
      store::inspect(bad_);
      ADD_FAILURE() << "accepted where " << wrong.named;
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr(bad_.string()), testing::HasSubstr(wrong.named)));
    }
  }
}

// A file cut anywhere is refused with a message.
TEST_F(Reader, RefusesATruncatedFile) {
  const std::string whole = bytes_of(good_);
  for (std::size_t length = 0; length < whole.size(); length += whole.size() / 64 + 1) {
    put_bytes(bad_, std::string_view(whole).substr(0, length));
    EXPECT_FALSE(refusal(bad_).empty()) << length << " bytes";
    EXPECT_FALSE(store::validate(bad_).empty()) << length << " bytes";
  }
  put_bytes(bad_, std::string_view(whole).substr(0, whole.size() - 1));
  EXPECT_FALSE(refusal(bad_).empty()) << "one byte short";
}

// The superblock and the root's header carry checksums: every flipped bit there is found.
TEST_F(Reader, RefusesFlippedBitsInTheHeader) {
  std::string bytes = bytes_of(good_);
  constexpr std::size_t superblock = 48;
  for (std::size_t at = 0; at < superblock + 64; ++at) {
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
    put_bytes(bad_, bytes);
    EXPECT_FALSE(refusal(bad_).empty()) << "byte " << at;
    EXPECT_FALSE(store::validate(bad_).empty()) << "byte " << at;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
  }
}

// Anywhere else damage may lie in unused space; but reading ends with an answer.
TEST_F(Reader, SurvivesFlippedBitsAnywhere) {
  std::string bytes = bytes_of(good_);
  for (std::size_t at = 131; at < bytes.size(); at += bytes.size() / 200) {
    bytes[at] = static_cast<char>(~bytes[at]);
    put_bytes(bad_, bytes);
    store::validate(bad_);
    bytes[at] = static_cast<char>(~bytes[at]);
  }
  put_bytes(bad_, bytes);
  EXPECT_TRUE(store::validate(bad_).empty());
}

// A damaged chunk of a mask is found by the checksum in its gzip stream.
TEST_F(Reader, NoticesADamagedChunk) {
  std::string bytes = bytes_of(good_);
  haddr_t address = 0;
  {
    const hid_t file = H5Fopen(good_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t dataset = H5Dopen2(file, "input/keep_probability", H5P_DEFAULT);
    hsize_t size = 0;
    const hsize_t first[3] = {0, 0, 0};
    H5Dget_chunk_info_by_coord(dataset, first, nullptr, &address, &size);
    address += size / 2;
    H5Dclose(dataset);
    H5Fclose(file);
  }
  ASSERT_GT(address, 0U);
  bytes[address] = static_cast<char>(~bytes[address]);
  put_bytes(bad_, bytes);
  const ResultsFile file = ResultsFile::open(bad_);
  EXPECT_THROW(file.read<float>("input/keep_probability"), base::InputError);
  const auto findings = store::validate(bad_);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings.front().where, "/input/keep_probability");
}

}  // namespace
}  // namespace layersweep
