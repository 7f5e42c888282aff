// Each rule of docs/results-file.md: a file that breaks it is found out, where it breaks it.
#include "store/validate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <ostream>
#include <vector>

#include "damage.hpp"
#include "sample.hpp"
#include "support/files.hpp"

namespace layersweep {
namespace {

using test::reshape;
using test::set_cell;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;

void set_number(hid_t object, const char* name, double value) {
  const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  H5Awrite(attribute, H5T_NATIVE_DOUBLE, &value);
  H5Aclose(attribute);
}

// A one-dimensional variable of doubles under a creation list.
void add_dataset(hid_t file, const char* path, hsize_t size, hid_t creation) {
  const hid_t space = H5Screate_simple(1, &size, nullptr);
  const hid_t dataset = H5Dcreate2(file, path, H5T_IEEE_F64LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  ASSERT_GE(dataset, 0) << path;
  H5Dclose(dataset);
  H5Sclose(space);
}

// Sets it where there is none, too.
void replace_attribute(hid_t file, const char* path, const char* name, hid_t type, const void* value) {
  const hid_t object = H5Oopen(file, path, H5P_DEFAULT);
  if (H5Aexists(object, name) > 0) H5Adelete(object, name);
  const hid_t space = H5Screate(H5S_SCALAR);
  const hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(attribute, type, value);
  H5Aclose(attribute);
  H5Sclose(space);
  H5Oclose(object);
}

void set_character(hid_t file, const char* path, hsize_t row, hsize_t column, char value) {
  const hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);
  const hid_t space = H5Dget_space(dataset);
  const hid_t type = H5Dget_type(dataset);
  const hsize_t place[] = {row, column};
  H5Sselect_elements(space, H5S_SELECT_SET, 1, place);
  const hid_t memory = H5Screate(H5S_SCALAR);
  ASSERT_GE(H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, &value), 0) << path;
  H5Sclose(memory);
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(dataset);
}

hid_t plain_creation(int rank, std::vector<hsize_t> chunk, bool ordered, bool times) {
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  if (rank > 0) H5Pset_chunk(creation, rank, chunk.data());
  if (ordered) H5Pset_attr_creation_order(creation, H5P_CRT_ORDER_TRACKED);
  H5Pset_obj_track_times(creation, times ? 1 : 0);
  return creation;
}

// The variable stored otherwise, without its attributes, scales and cells.
void replace_dataset(hid_t file, const char* path, hid_t creation) {
  const hid_t old = H5Dopen2(file, path, H5P_DEFAULT);
  const hid_t space = H5Dget_space(old);
  const hid_t type = H5Dget_type(old);
  H5Ldelete(file, path, H5P_DEFAULT);
  const hid_t dataset = H5Dcreate2(file, path, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  ASSERT_GE(dataset, 0) << path;
  for (const hid_t id : {dataset, old}) H5Dclose(id);
  H5Tclose(type);
  H5Sclose(space);
  H5Pclose(creation);
}

struct Damage {
  const char* name;
  std::function<void(hid_t)> apply;
  const char* where;
  const char* problem;
  friend void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }
};

class Validate : public testing::TestWithParam<Damage> {
 protected:
  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "results.h5";
};

TEST_F(Validate, PassesWhatTheWriterWrites) {
  for (const auto task : {test::SampleTask::sst, test::SampleTask::squad, test::SampleTask::counting}) {
    test::write_sample(comm::Communicator(), path_, {}, task);
    for (const auto& finding : store::validate(path_)) ADD_FAILURE() << finding.where << ": " << finding.problem;
  }
}

TEST_P(Validate, Finds) {
  static const test::TemporaryFolder sample;  // written once: it is the syncs that take time
  if (std::filesystem::is_empty(sample.path())) test::write_sample(comm::Communicator(), sample.path() / "results.h5");
  std::filesystem::copy(sample.path(), folder_.path());
  const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  GetParam().apply(file);
  ASSERT_GE(H5Fclose(file), 0);
  const auto findings = store::validate(path_);
  EXPECT_THAT(findings, Contains(testing::AllOf(Field(&store::Finding::where, GetParam().where),
                                                Field(&store::Finding::problem, HasSubstr(GetParam().problem)))));
  EXPECT_THAT(findings, Contains(Field(&store::Finding::problem, HasSubstr("results.h5.sha256"))));
  EXPECT_LE(findings.size(), 12U) << "one damage, but many findings";
}

const Damage damages[] = {
    {"Layout", [](hid_t f) { set_number(f, "layersweep_layout", 7); }, "/@layersweep_layout", "version 7"},
    {"Complete", [](hid_t f) { set_number(f, "complete", 0); }, "/@complete", "unfinished"},
    {"RootText", [](hid_t f) { H5Adelete(f, "experiment"); }, "/@experiment", "missing"},
    {"RootNumber", [](hid_t f) { H5Adelete(f, "epsilon"); }, "/@epsilon", "missing"},
    {"MissingVariable", [](hid_t f) { H5Ldelete(f, "input/alpha", H5P_DEFAULT); }, "/input/alpha", "missing"},
    {"UnknownVariable", [](hid_t f) { add_dataset(f, "surprise", 3, H5P_DEFAULT); }, "/surprise", "no such variable"},
    {"UnknownGroup", [](hid_t f) { H5Gclose(H5Gcreate2(f, "more", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)); }, "/more",
     "no such group"},
    {"Type",
     [](hid_t f) {
       H5Ldelete(f, "label", H5P_DEFAULT);
       add_dataset(f, "label", 7, H5P_DEFAULT);
     },
     "/label", "not int32"},
    {"Scale",
     [](hid_t f) {
       const hid_t variable = H5Dopen2(f, "label", H5P_DEFAULT);
       const hid_t scale = H5Dopen2(f, "example", H5P_DEFAULT);
       H5DSdetach_scale(variable, scale, 0);
       H5Dclose(scale);
       H5Dclose(variable);
     },
     "/label", "not attached"},
    {"FillAttribute",
     [](hid_t f) {
       const double zero = 0;
       replace_attribute(f, "input/kl", "_FillValue", H5T_NATIVE_DOUBLE, &zero);
     },
     "/input/kl", "_FillValue"},
    {"TextFillAttribute", [](hid_t f) { replace_attribute(f, "token_text", "_FillValue", H5T_C_S1, "x"); }, "/token_text",
     "_FillValue is not NUL"},
    {"LongName", [](hid_t f) { H5Adelete_by_name(f, "input/kl", "long_name", H5P_DEFAULT); }, "/input/kl", "long_name"},
    {"Units", [](hid_t f) { H5Adelete_by_name(f, "width", "units", H5P_DEFAULT); }, "/width", "units"},
    {"FlagMeanings", [](hid_t f) { H5Adelete_by_name(f, "split", "flag_meanings", H5P_DEFAULT); }, "/split",
     "flag_meanings"},
    {"Encoding", [](hid_t f) { H5Adelete_by_name(f, "token_text", "_Encoding", H5P_DEFAULT); }, "/token_text", "_Encoding"},
    {"SampleDimension", [](hid_t f) { H5Adelete_by_name(f, "token_count", "sample_dimension", H5P_DEFAULT); },
     "/token_count", "sample_dimension"},
    {"SoftLink", [](hid_t f) { H5Lcreate_soft("/label", f, "also", H5P_DEFAULT, H5P_DEFAULT); }, "/also",
     "soft or external"},
    {"ExternalLink",
     [](hid_t f) {
       H5Ldelete(f, "label", H5P_DEFAULT);
       H5Lcreate_external("other.h5", "/label", f, "label", H5P_DEFAULT, H5P_DEFAULT);
     },
     "/label", "soft or external"},
    {"Filter",
     [](hid_t f) {
       const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
       const hsize_t chunk = 3;
       H5Pset_chunk(creation, 1, &chunk);
       H5Pset_fletcher32(creation);
       add_dataset(f, "evaluation/x", 3, creation);
       H5Pclose(creation);
     },
     "/evaluation/x", "filter 3"},
    {"External",
     [](hid_t f) {
       const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
       H5Pset_external(creation, "/etc/hostname", 0, 24);
       add_dataset(f, "raw", 3, creation);
       H5Pclose(creation);
     },
     "/raw", "another file"},
    {"Virtual",
     [](hid_t f) {
       const hsize_t size = 3;
       const hid_t space = H5Screate_simple(1, &size, nullptr);
       const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
       H5Pset_virtual(creation, space, "gone.h5", "/x", space);
       add_dataset(f, "virtual", size, creation);
       H5Pclose(creation);
       H5Sclose(space);
     },
     "/virtual", "another file"},
    {"RootNumberType",
     [](hid_t f) {
       const float epsilon = 0.1F;
       replace_attribute(f, "/", "epsilon", H5T_NATIVE_FLOAT, &epsilon);
     },
     "/@epsilon", "not stored as float64"},
    {"OtherTask",
     [](hid_t f) {
       H5Ldelete(f, "label", H5P_DEFAULT);
       H5Lcreate_hard(f, "prediction", f, "exact_match", H5P_DEFAULT, H5P_DEFAULT);
     },
     "/exact_match", "another kind of task"},
    {"NoTask", [](hid_t f) { H5Ldelete(f, "class", H5P_DEFAULT); }, "/", "either classes or start_logits"},
    {"NoMode",
     [](hid_t f) {
       H5Ldelete(f, "input", H5P_DEFAULT);
       H5Ldelete(f, "hidden", H5P_DEFAULT);
     },
     "/", "neither the group input nor hidden"},
    {"LinkOrder", [](hid_t f) { H5Gclose(H5Gcreate2(f, "explain/guan", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)); },
     "/explain/guan", "order of creation"},
    {"Times", [](hid_t f) { replace_dataset(f, "width", plain_creation(1, {3}, true, true)); }, "/width", "keeps times"},
    {"AttributeOrder", [](hid_t f) { replace_dataset(f, "width", plain_creation(1, {3}, false, false)); }, "/width",
     "order of its attributes"},
    {"Contiguous", [](hid_t f) { replace_dataset(f, "width", plain_creation(0, {}, true, false)); }, "/width",
     "not stored in chunks"},
    {"ChunkOfSeveralProbes",
     [](hid_t f) {
       replace_dataset(f, "input/kl", plain_creation(3, {2, 3, 7}, true, false));
     },
     "/input/kl", "rows of several probes"},
    {"SmallChunks",
     [](hid_t f) {
       replace_dataset(f, "input/kl", plain_creation(3, {1, 1, 4}, true, false));
     },
     "/input/kl", "smaller than 256 KiB"},
    {"StrangeType",
     [](hid_t f) {
       const hid_t space = H5Screate(H5S_SCALAR);
       H5Dclose(H5Dcreate2(f, "explain/x", H5T_NATIVE_INT64, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
       H5Sclose(space);
     },
     "/explain/x", "none of those that all tools read"},
    {"FillValue",
     [](hid_t f) {
       replace_dataset(f, "input/kl", plain_creation(3, {1, 1, 7}, true, false));
     },
     "/input/kl", "do not read as missing"},
    {"CoordinateFill",
     [](hid_t f) {
       const hid_t seed = H5Dopen2(f, "seed", H5P_DEFAULT);
       const hid_t space = H5Screate(H5S_SCALAR);
       H5Aclose(H5Acreate2(seed, "_FillValue", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT));
       H5Sclose(space);
       H5Dclose(seed);
     },
     "/seed", "a coordinate has a _FillValue"},
    {"FlagValues", [](hid_t f) { H5Adelete_by_name(f, "input/status", "flag_values", H5P_DEFAULT); }, "/input/status",
     "flag_values"},
    {"SeedTwice", [](hid_t f) { set_cell(f, "seed", {1}, 11); }, "/seed", "twice"},
    {"NotUtf8", [](hid_t f) { set_character(f, "token_text", 2, 1, '\xff'); }, "/token_text", "text 2 is not UTF-8"},
    {"Padding", [](hid_t f) { set_character(f, "token_text", 1, 7, 'x'); }, "/token_text", "text 1 has cells after its end"},
    {"EmptyText",
     [](hid_t f) {
       for (hsize_t i = 0; i < 24; ++i) set_character(f, "example_id", 3, i, '\0');
     },
     "/example_id", "text 3 is empty"},
    {"SplitMissing", [](hid_t f) { set_cell(f, "split", {1}, 255); }, "/split", "1 cells are missing"},
    {"TokenIdMissing", [](hid_t f) { set_cell(f, "token_id", {1}, -1); }, "/token_id", "1 cells are missing"},
    {"Correlation", [](hid_t f) { set_cell(f, "hidden/agreement_kappa", {2}, -1.5); }, "/hidden/agreement_kappa", "-1 … 1"},
    {"Prediction", [](hid_t f) { set_cell(f, "prediction", {0}, -2); }, "/prediction", "5 classes"},
    {"CharacterPlaces", [](hid_t f) { set_cell(f, "char_end", {4}, 2); }, "/char_end", "cell 4 ends before it starts"},
    {"CharacterHalfMissing", [](hid_t f) { set_cell(f, "char_start", {4}, -1); }, "/char_end", "cell 4"},
    {"ChosenLarger",
     [](hid_t f) {
       set_cell(f, "hidden/accepted", {1, 2}, 1);
       set_cell(f, "hidden/flipped_share", {1, 2}, 0);
     },
     "/hidden/chosen_seed", "0 at point 2 keeps more than seed 1"},
    {"NoneChosen", [](hid_t f) { set_cell(f, "hidden/chosen_seed", {1}, -1); }, "/hidden/chosen_seed", "seed 1 is accepted"},
    {"SeveralServe", [](hid_t f) { set_cell(f, "input/chosen_seed", {1}, 1); }, "/input/chosen_seed",
     "one serves all points"},
    {"KlMissing",
     [](hid_t f) {
       set_cell(f, "hidden/kl_mean", {0, 0}, NAN);
     },
     "/hidden/accepted", "above epsilon"},
    {"Coordinate", [](hid_t f) { set_cell(f, "token", {4}, 9); }, "/token", "counts from 0"},
    {"Steps", [](hid_t f) { set_cell(f, "input/step", {1}, 5); }, "/input/step", "ascend"},
    {"TokenStart", [](hid_t f) { set_cell(f, "token_start", {3}, 1); }, "/token_start", "example 3"},
    {"TokenCount", [](hid_t f) { set_cell(f, "token_count", {6}, 9); }, "/token_count", "add up"},
    {"CountMissing", [](hid_t f) { set_cell(f, "token_count", {2}, -1); }, "/token_start", "example 2"},
    {"Probability",
     [](hid_t f) {
       set_cell(f, "input/keep_probability", {1, 2, 5}, 1.5);
     },
     "/input/keep_probability", "1 cells"},
    {"Infinite",
     [](hid_t f) {
       set_cell(f, "hidden/keep_share", {0, 0, 1}, HUGE_VAL);
     },
     "/hidden/keep_share", "1 cells"},
    {"Flag",
     [](hid_t f) {
       set_cell(f, "input/status", {0, 0}, 9);
     },
     "/input/status", "flag_values"},
    {"Sentiment", [](hid_t f) { set_cell(f, "token_sentiment", {0}, 5); }, "/token_sentiment", "flag_values"},
    {"Label", [](hid_t f) { set_cell(f, "label", {0}, 5); }, "/label", "5 classes"},
    {"ChosenRange", [](hid_t f) { set_cell(f, "input/chosen_seed", {0}, 2); }, "/input/chosen_seed", "no accepted seed"},
    {"ChosenRejected", [](hid_t f) { set_cell(f, "input/chosen_seed", {0}, 1); }, "/input/chosen_seed", "no accepted seed"},
    {"KlAboveEpsilon",
     [](hid_t f) {
       set_cell(f, "input/kl_mean", {0, 0}, 0.2);
     },
     "/input/accepted", "above epsilon"},
    {"FlipsAboveLimit",
     [](hid_t f) {
       set_cell(f, "hidden/flipped_share", {0, 2}, 0.5);
     },
     "/hidden/accepted", "above flip_limit"},
    {"KeptBothLimits",
     [](hid_t f) {
       set_cell(f, "input/flipped_share", {1, 2}, 0.1);
     },
     "/input/accepted", "not accepted"},
    {"ExplanationMissing", [](hid_t f) { H5Ldelete(f, "explain/random/seconds", H5P_DEFAULT); }, "/explain/random/seconds",
     "missing"},
    {"ExplainersUnknown", [](hid_t f) { H5Gclose(H5Gcreate2(f, "explain/magic", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)); },
     "/explain/magic", "no such group"},
    {"Shares", [](hid_t f) { set_cell(f, "evaluation/share", {0}, 0); }, "/evaluation/share", "above 0"},
    {"Area",
     [](hid_t f) {
       set_cell(f, "evaluation/aopc_sufficiency", {1, 2}, 0.3);
     },
     "/evaluation/aopc_sufficiency", "row 5"},
    {"ShuffledHead",
     [](hid_t f) {
       set_cell(f, "evaluation/aopc_sufficiency_shuffled_head", {1, 2}, -1.5);
     },
     "/evaluation/aopc_sufficiency_shuffled_head", "outside"},
    {"MeanOverTexts",
     [](hid_t f) {
       set_cell(f, "evaluation/dropped_probability", {1, 0, 1, 2}, 0.9);
     },
     "/evaluation/comprehensiveness", "cell 7"},
    {"KeptProbability",
     [](hid_t f) {
       set_cell(f, "evaluation/kept_probability", {0, 0, 0, 0}, 1.5);
     },
     "/evaluation/kept_probability", "outside"},
    {"Seconds", [](hid_t f) { set_cell(f, "explain/random/seconds", {0}, -1); }, "/explain/random/seconds", "outside 0"},
    {"StatisticsMissing", [](hid_t f) { H5Ldelete(f, "statistics/cka", H5P_DEFAULT); }, "/statistics/cka", "missing"},
    {"Quantiles", [](hid_t f) { set_cell(f, "statistics/quantile", {2}, 0.25); }, "/statistics/quantile", "ascend"},
    {"QuantileRange", [](hid_t f) { set_cell(f, "statistics/quantile", {2}, 1.5); }, "/statistics/quantile",
     "outside 0 … 1"},
    {"Norms",
     [](hid_t f) {
       set_cell(f, "statistics/norm_quantile", {1, 0, 2}, 0.5);
     },
     "/statistics/norm_quantile", "row 5"},
    {"Count",
     [](hid_t f) {
       set_cell(f, "statistics/count", {0, 1}, 2.5);
     },
     "/statistics/count", "point 0, token part 1"},
    {"BeyondWidth",
     [](hid_t f) {
       set_cell(f, "statistics/mean", {2, 1, 2}, 0);
     },
     "/statistics/mean", "beyond the width"},
    {"Variance",
     [](hid_t f) {
       set_cell(f, "statistics/variance", {0, 0, 3}, -1);
     },
     "/statistics/variance", "outside 0"},
    {"Cosine", [](hid_t f) { set_cell(f, "statistics/anisotropy", {1}, 1.01); }, "/statistics/anisotropy", "outside"},
    {"Cka",
     [](hid_t f) {
       set_cell(f, "statistics/cka", {0, 1}, 0.4);
     },
     "/statistics/cka", "points 0 and 1"},
    {"ScalarScale", [](hid_t f) { reshape(f, "class", {}, {}); }, "/logits", "/class has 0 dimensions"},
    {"EmptyDimension",
     [](hid_t f) {
       reshape(f, "example_id_length", {0}, {});
       reshape(f, "example_id", {7, 0}, {"example", "example_id_length"});
     },
     "/example_id", "dimension 1 has no cells"},
    {"LongTextOfRows",
     [](hid_t f) {
       H5Adelete(f, "command");
       H5Lcreate_hard(f, "token_text", f, "command", H5P_DEFAULT, H5P_DEFAULT);
       H5Lcreate_hard(f, "token_text_length", f, "command_length", H5P_DEFAULT, H5P_DEFAULT);
     },
     "/command", "2 dimensions"},
    {"OtherPoints",
     [](hid_t f) {
       reshape(f, "statistics/point_other", {1}, {});
       set_cell(f, "statistics/point_other", {0}, 0);
       reshape(f, "statistics/cka", {3, 1}, {"point", "statistics/point_other"});
     },
     "/statistics/point_other", "1 instead of 3"},
    {"AcceptedFailure",
     [](hid_t f) {
       set_cell(f, "input/status", {0, 0}, 4);
     },
     "/input/accepted", "failed"},
};
INSTANTIATE_TEST_SUITE_P(Damages, Validate, testing::ValuesIn(damages),
                         [](const auto& damage) { return damage.param.name; });

TEST_F(Validate, TellsOfAMissingFile) {
  EXPECT_THAT(store::validate(path_), Contains(Field(&store::Finding::problem, HasSubstr("there is no file"))));
}

TEST_F(Validate, AcceptsTheFillAttributeThatTextsOnceHad) {
  test::write_sample(comm::Communicator(), path_);
  std::filesystem::remove(path_.string() + ".sha256");
  const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  for (const char* text : {"example_id", "token_text", "point_name", "evaluation/method_name"}) {
    replace_attribute(file, text, "_FillValue", H5T_C_S1, "");
  }
  H5Fclose(file);
  for (const auto& finding : store::validate(path_)) ADD_FAILURE() << finding.where << ": " << finding.problem;
}

TEST_F(Validate, RefusesPartsUnderAnyContents) {
  test::write_sample(comm::Communicator(), path_);
  std::filesystem::rename(path_, folder_.path() / "results.h5.part");
  EXPECT_THAT(store::validate(folder_.path() / "results.h5.part"),
              Contains(Field(&store::Finding::problem, HasSubstr(".part file"))));
}

TEST_F(Validate, LooksForAnswersInTheirExamples) {
  for (const char* name : {"/gold_start", "/gold_end", "/predicted_start", "/predicted_end"}) {
    test::write_sample(comm::Communicator(), path_, {}, test::SampleTask::squad);
    const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    set_cell(file, name, {2}, 5);  // which has five tokens
    H5Fclose(file);
    EXPECT_THAT(store::validate(path_),
                Contains(testing::AllOf(Field(&store::Finding::where, name),
                                        Field(&store::Finding::problem, HasSubstr("does not lie in example 2")))));
  }
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The heap of references to scales has no checksum of its own, and HDF5 takes any bytes there for good ones.
TEST_F(Validate, FindsEveryChangedByteBySumAlone) {
  test::write_sample(comm::Communicator(), path_);
  EXPECT_THAT(contents(path_.string() + ".sha256"), testing::MatchesRegex("[0-9a-f]{64}  results.h5\n"));
  const std::string whole = contents(path_);
  const std::size_t heap = whole.find("GCOL");
  ASSERT_NE(heap, std::string::npos);
  bool unseen_otherwise = false;
  for (std::size_t at = heap + 16; at < heap + 256; at += 8) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x11);
    std::ofstream(path_, std::ios::binary) << changed;
    const auto findings = store::validate(path_);
    EXPECT_THAT(findings, Contains(Field(&store::Finding::problem, HasSubstr("not those that were written")))) << at;
    unseen_otherwise |= findings.size() == 1;
  }
  EXPECT_TRUE(unseen_otherwise) << "the sum would not be needed";
  std::ofstream(path_, std::ios::binary) << whole.substr(0, whole.size() - 1);
  EXPECT_THAT(store::validate(path_), testing::Not(testing::IsEmpty()));
  std::ofstream(path_, std::ios::binary) << whole;
  EXPECT_THAT(store::validate(path_), testing::IsEmpty());
  std::ofstream(path_.string() + ".sha256") << "nonsense";
  EXPECT_THAT(store::validate(path_), testing::SizeIs(1));
  std::filesystem::remove(path_.string() + ".sha256");
  EXPECT_THAT(store::validate(path_), testing::IsEmpty()) << "a file that was copied without its sum";
}

TEST_F(Validate, RefusesTheNewestFormat) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  H5Fclose(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access));
  H5Pclose(access);
  EXPECT_THAT(store::validate(path_), Contains(Field(&store::Finding::problem, HasSubstr("superblock"))));
}

}  // namespace
}  // namespace layersweep
