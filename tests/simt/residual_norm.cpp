// The kernels of this name, compiled for the processor: simt.hpp comes before them.
#include "kernels/cuda/residual_norm.cu"
