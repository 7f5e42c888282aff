// Messages between ranks: nothing is lost, mixed up or waited for without end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "comm/mailbox.hpp"

namespace layersweep::comm {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr MessageTag asking = 1;
constexpr MessageTag answer = 2;

// Rank 0 hands out numbers to whoever asks, itself among them, until all are gone: each is given once.
TEST(Mailbox, HandsOutEachNumberOnce) {
  Mailbox mail(world());
  const int total = 200;
  std::vector<std::int64_t> mine(total, 0);
  int next = 0, sent_home = 0;
  const auto serve = [&] {
    while (const auto request = mail.poll(asking)) {
      sent_home += next == total ? 1 : 0;
      mail.send(request->from, answer, next < total ? std::to_string(next++) : "");
    }
  };
  for (;;) {
    mail.send(0, asking, "");
    std::optional<Message> reply;
    while (mail.rank() == 0 && !reply) {
      serve();
      reply = mail.poll(answer, 0);
    }
    if (!reply) reply = mail.receive(answer, 0, "a number");
    EXPECT_EQ(reply->from, 0);
    if (reply->text.empty()) break;
    ++mine[static_cast<std::size_t>(std::stoi(reply->text))];
  }
  while (mail.rank() == 0 && sent_home < mail.size()) serve();
  world().all_reduce_sum(std::span(mine));
  EXPECT_EQ(mine, std::vector<std::int64_t>(total, 1));
}

TEST(Mailbox, KeepsTheOrderOfOneSenderAndKeepsTagsApart) {
  Mailbox mail(world());
  const int next = (mail.rank() + 1) % mail.size();
  const int before = (mail.rank() + mail.size() - 1) % mail.size();
  for (int i = 0; i < 50; ++i) mail.send(next, asking, fmt::format("{} from {}", i, mail.rank()));
  mail.send(next, answer, std::string("with\0zero", 9));
  EXPECT_EQ(mail.receive(answer, before, "an answer").text, std::string("with\0zero", 9));
  for (int i = 0; i < 50; ++i) {
    const Message message = mail.receive(asking, before, "a question");
    EXPECT_EQ(message.from, before);
    EXPECT_EQ(message.text, fmt::format("{} from {}", i, before));
  }
  EXPECT_FALSE(mail.poll(asking).has_value());
  world().barrier();
}

// Two mailboxes are two message spaces.
TEST(Mailbox, DoesNotSeeTheMessagesOfAnother) {
  Mailbox one(world());
  Mailbox two(world());
  one.send((one.rank() + 1) % one.size(), asking, "for one");
  world().barrier();
  EXPECT_FALSE(two.poll(asking).has_value());
  EXPECT_EQ(one.receive(asking, (one.rank() + one.size() - 1) % one.size(), "it").text, "for one");
  world().barrier();
}

std::string refusal_of(Mailbox& mail, int from) {
  try {
    mail.receive(asking, from, "a word");
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Mailbox, GivesUpInTimeAndNamesWhoWasSilent) {
  Mailbox mail(world().with_limit(0.3));
  const int silent = mail.size() - 1;
  const auto start = base::Clock::now();
  const std::string refusal = refusal_of(mail, silent);
  EXPECT_GE(base::seconds_since(start), 0.3);
  EXPECT_LE(base::seconds_since(start), 2);  // a busy machine
  EXPECT_THAT(refusal, HasSubstr(fmt::format("rank {} (", silent)));
  EXPECT_THAT(refusal, HasSubstr("did not send a word"));
  if (mail.size() > 1) {
    EXPECT_THAT(refusal, Not(HasSubstr("rank 0 (")));
  }
  world().barrier();
}

// The last rank is silent for longer than the limit, once with signs of life and once having told so before.
TEST(Mailbox, WaitsForARankThatGivesSignsOfLife) {
  Mailbox mail(world().with_limit(0.5));
  const int busy = mail.size() - 1;
  if (mail.rank() == busy) {
    for (int work = 0; work < 10; ++work) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      for (int to = 0; to < mail.size(); ++to) mail.give_sign_of_life(to, 0.5);
    }
    for (int to = 0; to < mail.size(); ++to) mail.give_sign_of_life(to, 30);
    std::this_thread::sleep_for(std::chrono::milliseconds(1000));
    for (int to = 0; to < mail.size(); ++to) mail.send(to, asking, "done");
  }
  EXPECT_EQ(mail.receive(asking, busy, "a word").text, "done");
  if (mail.rank() == busy) {
    for (int to = 0; to < mail.size(); ++to) mail.give_sign_of_life(to, 0.2);
  }
  world().barrier();
  EXPECT_THAT(refusal_of(mail, busy), HasSubstr(fmt::format("rank {} (", busy)));
  world().barrier();
}

// A message larger than what MPI sends eagerly does not hold up its sender.
TEST(Mailbox, SendingDoesNotWait) {
  Mailbox mail(world());
  const std::string large(1'000'000, 'x');
  for (int to = 0; to < mail.size(); ++to) mail.send(to, asking, large);
  for (int from = 0; from < mail.size(); ++from) EXPECT_EQ(mail.receive(asking, from, "a long text").text, large);
  world().barrier();
}

}  // namespace
}  // namespace layersweep::comm
