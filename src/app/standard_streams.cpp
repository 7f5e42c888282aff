#include "app/standard_streams.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "base/error.hpp"

namespace layersweep::app {

namespace {

constexpr std::size_t flush_at_bytes = 1 << 16;

}  // namespace

void protect_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number is this one. Opened the wrong way round: reading or writing it still fails.
    [[maybe_unused]] const int occupied = open("/dev/null", (stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
  }
  std::signal(SIGPIPE, SIG_IGN);
}

void Output::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= flush_at_bytes) flush();
}

void Output::flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const auto written = ::write(STDOUT_FILENO, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      throw OutputClosed();
    } else if (errno != EINTR) {
      throw base::InputError("standard output cannot be written", base::errno_text(errno));
    }
  }
  buffer_.clear();
}

void print(std::string_view text) {
  Output output;
  output.write(text);
  output.flush();
}

std::optional<std::string> LineReader::next() {
  auto searched = begin_;
  while (true) {
    if (const auto end = buffer_.find('\n', searched); end != std::string::npos) {
      std::string line = buffer_.substr(begin_, end - begin_);
      begin_ = end + 1;
      return line;
    }
    buffer_.erase(0, begin_);
    begin_ = 0;
    searched = buffer_.size();
    if (ended_) {
      if (buffer_.empty()) return std::nullopt;
      return std::exchange(buffer_, {});
    }
    char bytes[1 << 16];
    const auto count = read(STDIN_FILENO, bytes, sizeof bytes);
    if (count > 0) {
      buffer_.append(bytes, static_cast<std::size_t>(count));
    } else if (count == 0) {
      ended_ = true;
    } else if (errno != EINTR) {
      throw base::InputError("standard input cannot be read", base::errno_text(errno),
                             "This command reads its texts from there");
    }
  }
}

bool LineReader::ready() {
  if (ended_ || buffer_.find('\n', begin_) != std::string::npos) return true;
  pollfd standard_input{STDIN_FILENO, POLLIN, 0};
  return poll(&standard_input, 1, 0) != 0;
}

}  // namespace layersweep::app
