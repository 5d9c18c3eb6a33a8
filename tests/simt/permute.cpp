#include "kernels/cuda/permute.cu"
