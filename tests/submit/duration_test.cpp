// Slurm's spellings of time, each as man sbatch (--time) describes it.
#include "submit/duration.hpp"

#include <gtest/gtest.h>

#include "config/values.hpp"

namespace layersweep::submit {
namespace {

using std::chrono::seconds;

TEST(Duration, ReadsEverySpellingOfSlurm) {
  EXPECT_EQ(read_duration("90"), seconds(90 * 60));
  EXPECT_EQ(read_duration("90:30"), seconds(90 * 60 + 30));
  EXPECT_EQ(read_duration("2:30:15"), seconds(2 * 3600 + 30 * 60 + 15));
  EXPECT_EQ(read_duration("1-6"), seconds(86400 + 6 * 3600));
  EXPECT_EQ(read_duration("1-6:20"), seconds(86400 + 6 * 3600 + 20 * 60));
  EXPECT_EQ(read_duration("1-6:20:10"), seconds(86400 + 6 * 3600 + 20 * 60 + 10));
  EXPECT_EQ(read_duration("0-0:1"), seconds(60));
}

TEST(Duration, RefusesEverythingElse) {
  for (const char* text :
       {"",     "0",         "0:00", "-1", "+1", "1h",        "1 h",      "1:2:3:4", "1-",    "-5:00",
        "1--2", "1-2:3:4:5", ":",    "1:", ":1", "UNLIMITED", "infinite", "1.5",     "367-0", "99999999999999999999",
        "1\n2", "1:-5"}) {
    EXPECT_THROW(read_duration(text), config::BadValue) << text;
  }
}

TEST(Duration, IsReadBackFromItsText) {
  for (const int count : {1, 59, 60, 3599, 3600, 86399, 86400, 90061, 365 * 86400}) {
    EXPECT_EQ(read_duration(duration_text(seconds(count))), seconds(count)) << duration_text(seconds(count));
  }
}

}  // namespace
}  // namespace layersweep::submit
