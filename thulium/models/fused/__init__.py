"""Parts of the network as kernels of our own, in Triton, for trainings that are recorded as CUDA graphs."""
