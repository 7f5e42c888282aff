// Reading: against files made by the reference implementation (fixtures, see make_fixtures.py) and against damaged ones.
#include <gmock/gmock.h>

#include <cstring>
#include <fstream>

#include "base/error.hpp"
#include "base/files.hpp"
#include "support/files.hpp"
#include "support/growth.hpp"
#include "tensors/header.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::tensors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::filesystem::path fixture(const char* name) { return test::source_dir() / "tests/tensors/fixtures" / name; }

std::span<const std::byte> as_bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string with_header(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + std::string(data_bytes, 'x');
}

std::string refusal(const std::string& content) {
  try {
    read_header(as_bytes(content), "model.safetensors");
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("model.safetensors"));
    return error.what();
  }
  return "accepted";
}

template <class T>
std::vector<T> list(const SafetensorsFile& file, const char* name) {
  const auto values = file.values<T>(name);
  return {values.begin(), values.end()};
}

TEST(SafetensorsFile, ReadsWhatTheReferenceWrote) {
  const auto file = SafetensorsFile::open(fixture("reference.safetensors"));
  EXPECT_EQ(file.names().size(), 20U);
  EXPECT_THAT(file.metadata(), ElementsAre(std::pair<const std::string, std::string>("format", "pt \"ü\"\n")));
  EXPECT_EQ(file.info("weight").dtype, Dtype::f32);
  EXPECT_THAT(file.info("weight").shape, ElementsAre(2, 3));
  EXPECT_THAT(list<float>(file, "weight"), ElementsAre(0.5F, -1.25F, 3.0F, 1e-3F, 65504.0F, -0.0F));
  EXPECT_TRUE(file.info("double").shape.empty());
  EXPECT_THAT(list<double>(file, "double"), ElementsAre(1.0 / 3.0));
  EXPECT_THAT(list<std::int64_t>(file, "index"), ElementsAre(-1, 1LL << 40, 3, INT64_MIN));
  EXPECT_THAT(list<std::uint64_t>(file, "count"), ElementsAre(1ULL << 63, 7));
  EXPECT_THAT(list<std::int32_t>(file, "int32"), ElementsAre(-7, INT32_MAX));
  EXPECT_THAT(list<std::uint32_t>(file, "uint32"), ElementsAre(UINT32_MAX));
  EXPECT_THAT(list<std::int16_t>(file, "int16"), ElementsAre(-300, 300, 5));
  EXPECT_THAT(list<std::uint16_t>(file, "uint16"), ElementsAre(65535));
  EXPECT_THAT(list<std::int8_t>(file, "int8"), ElementsAre(-128, 127, 0));
  EXPECT_THAT(list<std::uint8_t>(file, "bytes"), ElementsAre(0, 255, 17));
  EXPECT_THAT(list<std::int64_t>(file, "café"), ElementsAre(5));
  EXPECT_EQ(file.info("flags").dtype, Dtype::boolean);
  EXPECT_THAT(file.data("flags"), ElementsAre(std::byte{1}, std::byte{0}, std::byte{1}, std::byte{1}, std::byte{0}));
  EXPECT_EQ(file.info("half").dtype, Dtype::f16);
  EXPECT_EQ(file.info("brain").dtype, Dtype::bf16);
  EXPECT_THAT(file.data("brain"), ElementsAre(std::byte{0x80}, std::byte{0x3f}, std::byte{0x40}, std::byte{0xc0}));
  EXPECT_EQ(file.info("complex").dtype, Dtype::c64);
  EXPECT_THAT(file.info("empty").shape, ElementsAre(0, 4));
  EXPECT_TRUE(file.values<float>("empty").empty());
}

TEST(SafetensorsFile, AlignsWhatLiesUnaligned) {
  const auto file = SafetensorsFile::open(fixture("unaligned.safetensors"));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.data("b").data()) % alignof(float), 0U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.data("c").data()) % alignof(std::int64_t), 0U);
  EXPECT_THAT(list<std::uint8_t>(file, "a"), ElementsAre(1, 2, 3));
  EXPECT_THAT(list<float>(file, "b"), ElementsAre(0.5F, -2.0F));
  EXPECT_THAT(list<std::int64_t>(file, "c"), ElementsAre(-5));
}

TEST(SafetensorsFile, NamesFileAndTensorWhenAskedForWhatItHasNot) {
  const auto file = SafetensorsFile::open(fixture("small.safetensors"));
  EXPECT_TRUE(file.contains("a"));
  EXPECT_FALSE(file.contains("z"));
  EXPECT_THAT([&] { file.data("z"); },
              testing::ThrowsMessage<base::InputError>(testing::AllOf(HasSubstr("small.safetensors"), HasSubstr("\"z\""))));
  EXPECT_THAT([&] { file.values<double>("a"); },
              testing::ThrowsMessage<base::InputError>(testing::AllOf(HasSubstr("F32"), HasSubstr("F64"))));
  EXPECT_THROW(SafetensorsFile::open(fixture("missing.safetensors")), base::InputError);
  EXPECT_THROW(SafetensorsFile::open(fixture("")), base::InputError);
}

TEST(SafetensorsFile, SpansOutliveTheirFileObjectWhileACopyIsHeld) {
  std::optional<SafetensorsFile> file = SafetensorsFile::open(fixture("small.safetensors"));
  const SafetensorsFile copy = *file;
  const auto values = file->values<float>("a");
  file.reset();
  EXPECT_THAT(std::vector<float>(values.begin(), values.end()), ElementsAre(1.5F, 2.5F));
  EXPECT_EQ(copy.names().size(), 2U);
}

TEST(Header, RefusesEveryTruncation) {
  const std::string whole = base::read_text_file(fixture("reference.safetensors"));
  ASSERT_EQ(refusal(whole), "accepted");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    ASSERT_NE(refusal(whole.substr(0, length)), "accepted") << length << " bytes";
  }
  EXPECT_THAT(refusal(whole + "x"), HasSubstr("1 bytes after the last tensor"));
}

TEST(Header, TakesNoChangedByteThatTheReferenceRefuses) {
  const std::string small = base::read_text_file(fixture("small.safetensors"));
  const std::string flips = base::read_text_file(fixture("small_flips.bin"));
  const std::size_t places = flips.size() / 32;
  ASSERT_GT(places, 100U);
  int accepted = 0;
  for (std::size_t place = 0; place < places; ++place) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = small;
      changed[place] = static_cast<char>(value);
      const bool reference_accepts = flips[32 * place + value / 8] >> value % 8 & 1;
      const std::string message = refusal(changed);
      accepted += message == "accepted";
      if (reference_accepts) {
        // The format forbids these; the reference is lenient.
        ASSERT_THAT(message, testing::AnyOf("accepted", HasSubstr("twice"), HasSubstr("start with '{'")));
      } else {
        ASSERT_NE(message, "accepted") << "byte " << place << " set to " << value;
      }
    }
  }
  EXPECT_GT(accepted, 400);  // names, metadata and types of equal width may change
}

TEST(Header, NamesWhatIsWrong) {
  const auto tensor = [](const char* name, const char* dtype, const char* shape, const char* offsets) {
    return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", name, dtype, shape, offsets);
  };
  const auto file = [&](const std::string& inside, std::size_t bytes) { return with_header("{" + inside + "}", bytes); };
  const std::string sound = tensor("w", "F32", "[2]", "[0,8]");
  EXPECT_EQ(refusal(file(sound, 8)), "accepted");
  EXPECT_EQ(refusal(file("", 0)), "accepted");
  EXPECT_EQ(refusal(with_header("{" + sound + "}   ", 8)), "accepted");

  EXPECT_THAT(refusal(""), HasSubstr("0 bytes"));
  EXPECT_THAT(refusal(with_header(" {}", 0)), HasSubstr("'{'"));
  EXPECT_THAT(refusal(with_header("{} {}", 0)), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(with_header(std::string("{}\0 {", 5), 0)), HasSubstr("zero byte"));
  EXPECT_THAT(refusal(with_header("{\"a\xff\":1}", 0)), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(std::string("\0\0\0\0\0\0\0\x01{}", 10)), HasSubstr("limit"));
  EXPECT_THAT(refusal(std::string("\x03\0\0\0\0\0\0\0{}", 10)), HasSubstr("only 2 follow"));
  EXPECT_THAT(refusal(file(sound + "," + sound, 8)), HasSubstr("\"w\" twice"));
  EXPECT_THAT(refusal(file(R"("w":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]})", 8)),
              HasSubstr("\"dtype\" twice"));
  EXPECT_THAT(refusal(file(R"("__metadata__":{"a":1})", 0)), HasSubstr("__metadata__"));
  EXPECT_THAT(refusal(file(R"("__metadata__":{"a":"1","a":"2"})", 0)), HasSubstr("\"a\" twice"));
  EXPECT_THAT(refusal(file(R"("__metadata__":[])", 0)), HasSubstr("__metadata__"));
  EXPECT_THAT(refusal(file(R"("w":[])", 0)), HasSubstr("tensor \"w\""));
  EXPECT_THAT(refusal(file(R"("w":{"shape":[2],"data_offsets":[0,8]})", 8)), HasSubstr("no dtype"));
  EXPECT_THAT(refusal(file(tensor("w", "F33", "[2]", "[0,8]"), 8)), HasSubstr("F33"));
  EXPECT_THAT(refusal(file(tensor("w", "F32", "[-2]", "[0,8]"), 8)), HasSubstr("shape"));
  EXPECT_THAT(refusal(file(tensor("w", "F32", "[2.0]", "[0,8]"), 8)), HasSubstr("shape"));
  EXPECT_THAT(refusal(file(tensor("w", "F32", "2", "[0,8]"), 8)), HasSubstr("shape"));
  EXPECT_THAT(refusal(file(tensor("w", "F32", "[2]", "[0]"), 8)), HasSubstr("data_offsets"));
  EXPECT_THAT(refusal(file(tensor("w", "F32", "[2]", "[-8,0]"), 8)), HasSubstr("data_offsets"));
  EXPECT_THAT(refusal(file(tensor("w", "F32", "[2]", "[8,0]"), 8)), HasSubstr("before it begins"));
  EXPECT_THAT(refusal(file(tensor("w", "F32", "[2]", "[0,8]"), 7)), HasSubstr("buffer of 7"));
  EXPECT_THAT(refusal(file(tensor("w", "F32", "[3]", "[0,8]"), 8)), HasSubstr("take 12 bytes"));
  EXPECT_THAT(refusal(file(tensor("w", "F4", "[3]", "[0,1]"), 1)), HasSubstr("whole number of bytes"));
  EXPECT_THAT(refusal(file(tensor("w", "F32", "[4611686018427387904,2]", "[0,0]"), 0)), HasSubstr("counted"));
  EXPECT_THAT(refusal(file(tensor("w", "F32", "[2]", "[1,9]"), 9)), HasSubstr("1 unused bytes"));
  EXPECT_THAT(refusal(file(tensor("v", "U8", "[4]", "[0,4]") + "," + tensor("w", "U8", "[4]", "[2,6]"), 6)),
              HasSubstr("overlaps"));
  EXPECT_THAT(refusal(file(sound, 9)), HasSubstr("1 bytes after the last tensor"));
}

// Names are told as they are, but steer no terminal.
TEST(Header, MessagesArePrintable) {
  const auto tensor = [](const std::string& name) {
    return fmt::format(R"({{"{}":{{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}}})", name);
  };
  EXPECT_THAT(refusal(with_header(tensor(R"(a\u001b[2J\r\nerror: )"), 9)), HasSubstr(R"("a\x1b[2J\r\nerror: ")"));
  EXPECT_THAT(refusal(with_header(tensor("gnp.\u202Etxt"), 9)), HasSubstr("\"gnp.\\u202etxt\""));
  EXPECT_THAT(refusal(with_header(tensor("gewicht-für-映画"), 9)), HasSubstr("\"gewicht-für-映画\""));
  for (const char* hostile : {"\x1b", "\xff", "\r", "\n", "\u202E", "\u0085", "\u2028"}) {
    const std::string bytes = hostile;
    for (const std::string& header :
         {bytes, "{\"a" + bytes, tensor("a" + bytes), "{\"a\":{\"dtype\":\"" + bytes + "\"}}", "{} " + bytes}) {
      EXPECT_THAT(refusal(with_header(header, 9)), testing::Not(HasSubstr(bytes))) << testing::PrintToString(header);
    }
  }
  const auto file = SafetensorsFile::open(fixture("small.safetensors"));
  EXPECT_THAT([&] { file.data("z\x1b\xff"); }, testing::ThrowsMessage<base::InputError>(HasSubstr(R"("z\x1b\xff")")));
}

TEST(Header, OfManyTensorsIsReadInLinearTime) {
  const auto make = [](std::size_t tensors) {
    std::string header = "{";
    for (std::size_t i = 0; i < tensors; ++i) {
      header += fmt::format(R"({}"{}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})", i == 0 ? "" : ",", i);
    }
    return with_header(header + "}", 0);
  };
  const auto read = [](const std::string& file) { EXPECT_EQ(refusal(file), "accepted"); };
  EXPECT_LE(test::growth_of_ten_times(30'000, make, read), test::linear_at_most);
}

}  // namespace
}  // namespace layersweep::tensors
