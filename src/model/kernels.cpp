#include "model/kernels.hpp"

namespace layersweep::model {

extern const Kernels portable_table;
#if LAYERSWEEP_X86
extern const Kernels avx2_table;
extern const Kernels avx512_table;
#endif

std::vector<const Kernels*> runnable_kernels() {
  std::vector<const Kernels*> tables = {&portable_table};
#if LAYERSWEEP_X86
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2) tables.push_back(&avx2_table);
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) tables.push_back(&avx512_table);
#endif
  return tables;
}

const Kernels& kernels() {
  static const Kernels& widest = *runnable_kernels().back();
  return widest;
}

}  // namespace layersweep::model
