// The kernels for processors with avx512 (compiled with its flags, called only where it is found).
#define LAYERSWEEP_LANES 16
#define LAYERSWEEP_KERNELS avx512_table
#define LAYERSWEEP_KERNELS_NAME "avx512"
#include "model/kernels.inc"
