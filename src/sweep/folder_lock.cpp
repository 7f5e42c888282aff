#include "sweep/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "base/clock.hpp"
#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

namespace layersweep::sweep {
namespace {

// One write of one size, so that a reader never sees half a record.
constexpr std::size_t record_size = 512;

// Tells machines apart, and this one before and after it was started anew.
std::string machine() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id.empty() ? base::host_name() : id;
}

std::string slurm_job() {
  const auto job = base::environment_variable("SLURM_JOB_ID");
  if (!job) return "none";
  return fmt::format("{}@{}", *job, base::environment_variable("SLURM_CLUSTER_NAME").value_or("cluster"));
}

std::int64_t slurm_restarts() {
  return std::strtoll(base::environment_variable("SLURM_RESTART_COUNT").value_or("0").c_str(), nullptr, 10);
}

// A record is a line for people and one for programs: machine, nonce, Slurm job, its restarts, beats.
struct Record {
  std::string who, machine, nonce, job;
  std::int64_t restarts = 0;
};

Record parse(const std::string& text) {
  Record record;
  std::istringstream lines(text);
  std::getline(lines, record.who);
  lines >> record.machine >> record.nonce >> record.job >> record.restarts;
  return record;
}

// The last owner stays readable.
constexpr const char* released = "released";
bool has_owner(const std::string& text) { return text.starts_with("process ") && parse(text).machine != released; }

bool is_earlier_start_of_this_job(const Record& record) {
  const std::string job = slurm_job();
  return job != "none" && record.job == job && record.restarts < slurm_restarts();
}

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& record) {
  throw base::InputError(fmt::format("the run folder {} is in use", file.parent_path().string()),
                         fmt::format("it is held by {}", has_owner(record) ? parse(record).who : "another process"),
                         "Wait for that run to end, or choose another folder with --set run.folder=FOLDER");
}

[[noreturn]] void cannot_write(const std::filesystem::path& file, int error_number) {
  throw base::InputError(fmt::format("cannot write in the run folder {}", file.parent_path().string()),
                         base::errno_text(error_number));
}

}  // namespace

FolderLock::FolderLock(std::filesystem::path file, double beat_s) : file_(std::move(file)), beat_s_(beat_s) {
  Kernel kernel = open_and_ask_kernel();
  std::string record = read();
  if (kernel == Kernel::held_by_other) {
    if (!has_owner(record) || !is_earlier_start_of_this_job(parse(record))) refuse(file_, record);
    // Slurm ended that one, so only the file server still believes in it: it keeps the old file, we make a new one.
    ::unlink(file_.c_str());
    kernel = open_and_ask_kernel();
    if (kernel == Kernel::held_by_other) refuse(file_, read());
    record = read();
  }
  if (has_owner(record)) {
    const Record owner = parse(record);
    const bool kernel_knows = kernel == Kernel::taken && owner.machine == machine();
    if (!kernel_knows && !is_earlier_start_of_this_job(owner)) wait_until_dead(record);
    base::world_warning("the run folder {} was left by {}, which did not end in order", file_.parent_path().string(),
                        owner.who);
  }

  const auto job = base::environment_variable("SLURM_JOB_ID");
  who_ = fmt::format("process {} on {}{} since {}", ::getpid(), base::host_name(),
                     job ? fmt::format(", job {} restart {}", *job, slurm_restarts()) : "", base::utc_now());
  std::random_device random;
  nonce_ = fmt::format("{:08x}{:08x}", random(), random());
  if (const int error_number = beat(); error_number != 0) cannot_write(file_, error_number);
  beating_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, std::chrono::duration<double>(beat_s_), [this] { return ends_; })) {
      if (const std::string now = read(); has_owner(now) && parse(now).nonce != nonce_) {
        // This process was still for so long that another one believed it dead.
        base::local_error(
            fmt::format("the run folder {} was taken over by {}", file_.parent_path().string(), parse(now).who));
        std::_Exit(static_cast<int>(base::ExitCode::failed));
      }
      beat();
    }
  });
}

FolderLock::~FolderLock() {
  if (beating_.joinable()) {
    {
      const std::scoped_lock lock(mutex_);
      ends_ = true;
    }
    wake_.notify_all();
    beating_.join();
    write(fmt::format("{}\n{}\n", who_, released));
  }
}

FolderLock::Kernel FolderLock::open_and_ask_kernel() {
  descriptor_.close();
  descriptor_ = base::Descriptor(::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (descriptor_.number() < 0) cannot_write(file_, errno);
  if (::flock(descriptor_.number(), LOCK_EX | LOCK_NB) == 0) return Kernel::taken;
  return errno == EWOULDBLOCK ? Kernel::held_by_other : Kernel::unsupported;
}

// Throws when the owner shows that it lives.
void FolderLock::wait_until_dead(const std::string& record) const {
  base::world_info("the run folder {} names {} as its owner; waiting {:.0f} s for a sign of life",
                   file_.parent_path().string(), parse(record).who, 3 * beat_s_);
  const auto start = base::Clock::now();
  while (base::seconds_since(start) < 3 * beat_s_) {
    std::this_thread::sleep_for(std::chrono::duration<double>(beat_s_ / 4));
    if (const std::string now = read(); now != record && has_owner(now)) refuse(file_, now);
  }
}

// Opened anew each time: that is when network file systems look at what others wrote.
std::string FolderLock::read() const {
  const base::Descriptor file(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, record_size> text{};
  const ssize_t length = file.number() < 0 ? -1 : ::pread(file.number(), text.data(), text.size(), 0);
  return length <= 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(length));
}

// 0, or what the system says; of the later beats a failing one is no harm.
int FolderLock::write(const std::string& record) const {
  std::string text = record;
  text.resize(record_size - 1, ' ');
  text += '\n';
  const ssize_t written = ::pwrite(descriptor_.number(), text.data(), text.size(), 0);
  if (written < 0) return errno;
  if (written != static_cast<ssize_t>(text.size())) return ENOSPC;
  return ::fsync(descriptor_.number()) == 0 ? 0 : errno;
}

int FolderLock::beat() {
  return write(fmt::format("{}\n{} {} {} {} {}\n", who_, machine(), nonce_, slurm_job(), slurm_restarts(), ++beats_));
}

}  // namespace layersweep::sweep
