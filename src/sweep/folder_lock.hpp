// One job at a time in a run folder. The kernel's lock on the file decides where it reaches; since on many network file
// systems it does not reach other machines, the owner also rewrites its record every few seconds, and whoever finds a record
// that does not change knows that its owner is gone.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "base/descriptor.hpp"

namespace layersweep::sweep {

class FolderLock {
 public:
  /// Takes `file`, creating it. A live owner is respected: throws InputError naming it. A dead one is taken over, at once
  /// where the kernel knows that it is dead or where it was an earlier start of the same Slurm job, else after its record
  /// has not changed for three times `beat_s`. Independent (one rank calls it).
  explicit FolderLock(std::filesystem::path file, double beat_s = 10);
  /// Leaves the file behind without an owner.
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  enum class Kernel { taken, held_by_other, unsupported };
  Kernel open_and_ask_kernel();
  void wait_until_dead(const std::string& record) const;
  std::string read() const;
  int write(const std::string& record) const;
  int beat();

  std::filesystem::path file_;
  double beat_s_;
  std::int64_t beats_ = 0;
  base::Descriptor descriptor_;
  std::string nonce_;
  std::string who_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ends_ = false;
  std::thread beating_;
};

}  // namespace layersweep::sweep
