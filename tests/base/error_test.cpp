#include "base/error.hpp"

#include <gmock/gmock.h>

namespace layersweep::base {
namespace {

TEST(InputError, SaysProblemReasonAndRemedyInThisOrder) {
  EXPECT_STREQ(InputError("cannot read x", "no such file", "Make it").what(), "cannot read x: no such file. Make it");
  EXPECT_STREQ(InputError("cannot read x", "no such file").what(), "cannot read x: no such file");
  EXPECT_STREQ(InputError("cannot read x", "", "Make it").what(), "cannot read x. Make it");
}

TEST(UsageError, IsAlsoAnInputError) { EXPECT_THROW(throw UsageError("unknown key"), InputError); }

TEST(Ensure, ThrowsOurOwnErrorAndOnlyWhenBroken) {
  EXPECT_NO_THROW(ensure(true, "fine"));
  EXPECT_THAT([] { ensure(false, "one and one are two"); },
              testing::ThrowsMessage<InternalError>(testing::HasSubstr("one and one are two")));
}

TEST(ErrnoText, IsTheSystemsOwn) { EXPECT_EQ(errno_text(ENOENT), "No such file or directory"); }

}  // namespace
}  // namespace layersweep::base
