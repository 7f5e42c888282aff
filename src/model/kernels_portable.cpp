// The kernels for any processor, with vectors of 4 floats.
#define LAYERSWEEP_LANES 4
#define LAYERSWEEP_KERNELS portable_table
#define LAYERSWEEP_KERNELS_NAME "portable"
#include "model/kernels.inc"
