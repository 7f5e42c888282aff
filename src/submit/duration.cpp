#include "submit/duration.hpp"

#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "config/values.hpp"

namespace layersweep::submit {

namespace {

[[noreturn]] void refuse() {
  throw config::BadValue{
      "a time as Slurm writes it: minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes or "
      "days-hours:minutes:seconds; above 0 and at most a year"};
}

std::int64_t read_part(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool digits_only = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!digits_only || error != std::errc() || end != text.data() + text.size() || value > 1'000'000) refuse();
  return value;
}

}  // namespace

std::chrono::seconds read_duration(std::string_view text) {
  using namespace std::chrono;
  const auto dash = text.find('-');
  const bool with_days = dash != std::string_view::npos;
  const days whole_days(with_days ? read_part(text.substr(0, dash)) : 0);

  std::vector<std::int64_t> parts;
  const std::string_view clock = with_days ? text.substr(dash + 1) : text;
  for (std::size_t begin = 0; begin <= clock.size();) {
    const auto colon = std::min(clock.find(':', begin), clock.size());
    parts.push_back(read_part(clock.substr(begin, colon - begin)));
    begin = colon + 1;
  }
  if (parts.size() > 3) refuse();
  // Behind days the parts begin with hours; alone, one or two begin with minutes.
  if (!with_days && parts.size() < 3) parts.insert(parts.begin(), 0);
  parts.resize(3, 0);
  const seconds total = whole_days + hours(parts[0]) + minutes(parts[1]) + seconds(parts[2]);
  if (total <= seconds(0) || total > days(366)) refuse();
  return total;
}

std::string duration_text(std::chrono::seconds duration) {
  const std::int64_t count = duration.count();
  const std::string clock = fmt::format("{:02}:{:02}:{:02}", count / 3600 % 24, count / 60 % 60, count % 60);
  return count < 86400 ? clock : fmt::format("{}-{}", count / 86400, clock);
}

}  // namespace layersweep::submit
