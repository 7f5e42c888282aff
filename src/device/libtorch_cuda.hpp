// LibTorch's half for GPUs. The program does not link it, so that it starts where CUDA's libraries are missing: a run that
// asks for a GPU loads it.
#pragma once

namespace layersweep::device {

/// Loads libtorch_cuda.so from beside the LibTorch in use, with all it needs in turn; a second call does nothing. To be
/// called before LibTorch is first asked for a GPU, also by an operator that only looks whether there is one. Throws
/// InputError with what could not be loaded, and in a build without CUDA.
void load_libtorch_cuda();

/// Makes GPU `number` (assign_gpus) the current one of LibTorch and of the CUDA runtime, in this thread. Throws InputError
/// where LibTorch cannot use it.
void use_gpu(int number);

/// Lets GPUs round the operands of all fp32 matrix products to tf32, those of the gate networks too: LibTorch has one
/// switch for the whole process.
void allow_tf32();

}  // namespace layersweep::device
