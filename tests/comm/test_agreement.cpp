#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/error.hpp"
#include "comm/agreement.hpp"
#include "comm/communicator.hpp"

namespace layersweep::comm {
namespace {

TEST(Agreement, NothingIsThrownWhenAllIsWell) {
  EXPECT_NO_THROW(throw_together(world(), std::optional<std::string>()));
  EXPECT_EQ(run_together(world(), [] { return 7; }), 7);
}

// Each rank in turn fails first; all ranks throw, the lowest failing one speaks, and the type survives the journey.
template <class Thrown, class Expected>
void expect_of_all() {
  const Communicator all = world();
  for (int first = 0; first < all.size(); ++first) {
    try {
      run_together(all, [&] {
        if (all.rank() >= first) throw Thrown("failure of " + std::to_string(all.rank()));
      });
      FAIL() << "rank " << all.rank() << " threw nothing";
    } catch (const Expected& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("failure of " + std::to_string(first)));
      EXPECT_EQ(std::string(error.what()).find("[rank") != std::string::npos, first > 0);
      EXPECT_TRUE(agreed_by_world(error));
      EXPECT_EQ(typeid(Expected) == typeid(base::InputError), dynamic_cast<const base::UsageError*>(&error) == nullptr &&
                                                                  dynamic_cast<const base::InputError*>(&error) != nullptr);
    }
  }
  all.barrier();  // nobody is left behind in a collective
}

TEST(Agreement, InputErrorsStayInputErrors) { expect_of_all<base::InputError, base::InputError>(); }
TEST(Agreement, UsageErrorsStayUsageErrors) { expect_of_all<base::UsageError, base::UsageError>(); }
TEST(Agreement, InternalErrorsStayInternalErrors) { expect_of_all<base::InternalError, base::InternalError>(); }
TEST(Agreement, ForeignErrorsAreInternal) { expect_of_all<std::out_of_range, base::InternalError>(); }

TEST(Agreement, LocalErrorsAreNotAgreed) { EXPECT_FALSE(agreed_by_world(base::InputError("mine"))); }

TEST(Agreement, OfAPartOfTheWorldIsNotOfTheWorld) {
  const Communicator all = world();
  const Communicator alone = all.split(all.rank(), 0);
  try {
    throw_together(alone, std::optional<std::string>("x"));
    FAIL();
  } catch (const base::InputError& error) {
    EXPECT_EQ(agreed_by_world(error), all.size() == 1);
  }
}

}  // namespace
}  // namespace layersweep::comm
