// Memory and processor, against what the compiler's run-time library and the kernel say.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "device/memory.hpp"
#include "device/processor.hpp"

namespace layersweep::device {
namespace {

bool has(const Processor& processor, const char* feature) {
  return std::ranges::find(processor.features, feature) != processor.features.end();
}

TEST(Processor, IsReadFromText) {
  const Processor x86 = parse_processor(
      "processor\t: 0\nmodel\t\t: 143\nmodel name\t: Intel(R) Xeon(R)  6430\nflags\t\t: fpu sse2 fma avx2 amx_bf16\n\n"
      "processor\t: 1\nmodel name\t: another\n");
  EXPECT_EQ(x86.name, "Intel(R) Xeon(R)  6430");
  EXPECT_EQ(x86.features, (std::vector<std::string>{"amx_bf16", "avx2", "fma"}));
  EXPECT_EQ(parse_processor("").name, "unknown");
}

#if defined(__x86_64__)
TEST(Processor, AgreesWithTheCompilersRuntime) {
  const Processor here = processor();
  EXPECT_NE(here.name, "unknown");
  EXPECT_EQ(has(here, "avx2"), __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(has(here, "fma"), __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(has(here, "avx512f"), __builtin_cpu_supports("avx512f") != 0);
}
#endif

TEST(Processor, DenormalsAreFlushedInThisThreadAndItsChildren) {
  const auto product = [] {
    volatile float tiny = 1e-30F;
    return tiny * 1e-10F;
  };
  ASSERT_GT(product(), 0.0F);
  std::thread([&] {  // its own thread: the setting would stay
    if (!flush_denormals()) GTEST_SKIP() << "this processor cannot";
    EXPECT_EQ(product(), 0.0F);
    std::thread([&] { EXPECT_EQ(product(), 0.0F); }).join();
  })
      .join();
  EXPECT_GT(product(), 0.0F);
}

long page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// Takes and touches 32 MB; volatile, since an unused block may be optimised away.
void use_block() {
  constexpr std::size_t bytes = 32 << 20;
  char* const block = static_cast<char*>(std::malloc(bytes));
  for (std::size_t i = 0; i < bytes; i += 4096) static_cast<volatile char*>(block)[i] = 1;
  std::free(block);
}

TEST(Memory, KeptBlocksFaultOnce) {
  keep_freed_memory();
  use_block();
  const long before = page_faults();
  for (int i = 0; i < 10; ++i) use_block();
  EXPECT_LT(page_faults() - before, 8192);  // 81920 when each block is given back
}

TEST(Memory, PeakGrowsWithUse) {
  const std::int64_t before = peak_resident_bytes();
  const std::unique_ptr<char[]> block(new char[200 << 20]);
  std::memset(block.get(), 1, 200 << 20);
  const std::int64_t after = peak_resident_bytes();
  EXPECT_GT(after, before + (100 << 20));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  EXPECT_NEAR(static_cast<double>(after), usage.ru_maxrss * 1024.0, 64.0 * (1 << 20));  // the kernel batches its counts
}

TEST(Memory, TheLimitIsWithinTheMachine) {
  const std::int64_t limit = memory_limit_bytes();
  EXPECT_GT(limit, 0);
  EXPECT_LE(limit, std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE));
}

}  // namespace
}  // namespace layersweep::device
