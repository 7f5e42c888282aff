// Writing: byte for byte what the reference writes, hence readable by it; and errors that leave nothing behind.
#include <gmock/gmock.h>

#include <array>

#include "base/error.hpp"
#include "base/files.hpp"
#include "support/files.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::tensors {
namespace {

std::vector<TensorToWrite> tensors_of(const SafetensorsFile& file) {
  std::vector<TensorToWrite> tensors;
  for (const std::string& name : file.names()) {
    tensors.push_back({name, file.info(name).dtype, file.info(name).shape, file.data(name)});
  }
  return tensors;
}

TEST(WriteSafetensors, EqualsTheReferenceByteForByte) {
  const test::TemporaryFolder folder;
  for (const char* name : {"reference.safetensors", "small.safetensors"}) {
    const auto fixture = test::source_dir() / "tests/tensors/fixtures" / name;
    const auto file = SafetensorsFile::open(fixture);
    std::vector<TensorToWrite> tensors = tensors_of(file);
    std::ranges::reverse(tensors);  // the order of the list must not matter
    write_safetensors(folder.path() / name, tensors, file.metadata());
    EXPECT_EQ(base::read_text_file(folder.path() / name), base::read_text_file(fixture)) << name;
  }
}

TEST(WriteSafetensors, ReadsBackWhatWasWritten) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "t.safetensors";
  const std::array<float, 4> weight{1, 2, 3, 4};
  const std::array<std::int64_t, 1> step{1LL << 50};
  const std::map<std::string, std::string> metadata{{"kind", "test"}, {"quote", "\"\\\n\t é 🙂"}};
  write_safetensors(path, {tensor_to_write<float>("w", {2, 2}, weight), tensor_to_write<std::int64_t>("step", {}, step)},
                    metadata);
  const auto file = SafetensorsFile::open(path);
  EXPECT_EQ(file.metadata(), metadata);
  EXPECT_THAT(file.info("w").shape, testing::ElementsAre(2, 2));
  EXPECT_THAT(file.values<float>("w"), testing::ElementsAreArray(weight));
  EXPECT_THAT(file.values<std::int64_t>("step"), testing::ElementsAreArray(step));
}

TEST(WriteSafetensors, WritesAFileOfNoTensors) {
  const test::TemporaryFolder folder;
  write_safetensors(folder.path() / "t", {});
  EXPECT_TRUE(SafetensorsFile::open(folder.path() / "t").names().empty());
}

TEST(WriteSafetensors, RefusesWhatItsReaderWould) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "t.safetensors";
  const std::array<float, 2> two{};
  const auto tensor = [&](const char* name, std::vector<std::int64_t> shape) {
    return tensor_to_write<float>(name, shape, two);
  };
  EXPECT_THROW(write_safetensors(path, {tensor("w", {3})}), base::InternalError);
  EXPECT_THROW(write_safetensors(path, {tensor("w", {-1, -2})}), base::InternalError);
  EXPECT_THROW(write_safetensors(path, {tensor("w", {2}), tensor("w", {2})}), base::InternalError);
  EXPECT_THROW(write_safetensors(path, {tensor("__metadata__", {2})}), base::InternalError);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Dtype, NamesAreUnambiguous) {
  for (int value = 0; value <= static_cast<int>(Dtype::u64); ++value) {
    const auto dtype = static_cast<Dtype>(value);
    EXPECT_EQ(dtype_from_name(dtype_name(dtype)), dtype);
  }
  EXPECT_FALSE(dtype_from_name("f32"));
}

}  // namespace
}  // namespace layersweep::tensors
