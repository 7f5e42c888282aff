// Messages between ranks: nothing is lost, mixed up or waited for without end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/error.hpp"
#include "comm/mailbox.hpp"

namespace layersweep::comm {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Subject asking = 1;
constexpr Subject answer = 2;

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
    if (!reply) reply = mail.receive(answer, 30, "a number", 0);
    EXPECT_EQ(reply->from, 0);
    if (reply->text.empty()) break;
    ++mine[static_cast<std::size_t>(std::stoi(reply->text))];
  }
  while (mail.rank() == 0 && sent_home < mail.size()) serve();
  world().all_reduce_sum(std::span(mine));
  EXPECT_EQ(mine, std::vector<std::int64_t>(total, 1));
}

TEST(Mailbox, KeepsTheOrderOfOneSenderAndKeepsSubjectsApart) {
  Mailbox mail(world());
  const int next = (mail.rank() + 1) % mail.size();
  const int before = (mail.rank() + mail.size() - 1) % mail.size();
  for (int i = 0; i < 50; ++i) mail.send(next, asking, fmt::format("{} from {}", i, mail.rank()));
  mail.send(next, answer, std::string("with\0zero", 9));
  EXPECT_EQ(mail.receive(answer, 30, "an answer").text, std::string("with\0zero", 9));
  for (int i = 0; i < 50; ++i) {
    const Message message = mail.receive(asking, 30, "a question", before);
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
  EXPECT_EQ(one.receive(asking, 30, "it").text, "for one");
  world().barrier();
}

TEST(Mailbox, GivesUpInTimeAndNamesWhoWasSilent) {
  Mailbox mail(world());
  const int silent = mail.size() - 1;
  const auto message_of = [&](int from) -> std::string {
    const auto start = std::chrono::steady_clock::now();
    try {
      mail.receive(asking, 0.3, "a word", from);
    } catch (const base::InputError& error) {
      const double took_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      EXPECT_GE(took_s, 0.3);
      EXPECT_LE(took_s, 2);  // a busy machine
      return error.what();
    }
    return "nothing was thrown";
  };
  const std::string one = message_of(silent);
  EXPECT_THAT(one, HasSubstr(fmt::format("rank {} (", silent)));
  EXPECT_THAT(one, HasSubstr("did not send a word"));
  if (mail.size() > 1) {
    EXPECT_THAT(one, Not(HasSubstr("rank 0 (")));
  }
  const std::string any = message_of(Mailbox::anyone);
  for (int other = 0; other < mail.size(); ++other) {
    if (other == mail.rank()) continue;
    EXPECT_THAT(any, HasSubstr(fmt::format("rank {} (", other)));
  }
  world().barrier();
}

// A message larger than what MPI sends eagerly does not hold up its sender.
TEST(Mailbox, SendingDoesNotWait) {
  Mailbox mail(world());
  const std::string large(1'000'000, 'x');
  for (int to = 0; to < mail.size(); ++to) mail.send(to, asking, large);
  for (int from = 0; from < mail.size(); ++from) EXPECT_EQ(mail.receive(asking, 30, "a long text", from).text, large);
  world().barrier();
}

}  // namespace
}  // namespace layersweep::comm
