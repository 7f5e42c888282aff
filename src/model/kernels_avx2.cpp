// The kernels for processors with avx2 (compiled with its flags, called only where it is found).
#define LAYERSWEEP_LANES 8
#define LAYERSWEEP_KERNELS avx2_table
#define LAYERSWEEP_KERNELS_NAME "avx2"
#include "model/kernels.inc"
