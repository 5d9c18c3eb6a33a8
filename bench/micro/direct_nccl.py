"""Calls NCCL on PyTorch's current stream, as serving engines do; torch.distributed has a stream of
its own, and no group of rooted reduces."""

import ctypes

import torch
import torch.distributed as dist

BFLOAT16, SUM = 9, 0  # ncclDataType_t, ncclRedOp_t


class UniqueId(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_byte * 128)]


class DirectNccl:
    """A communicator of all ranks, by the library that PyTorch has loaded. Tensors are bf16."""

    def __init__(self, ranks):
        self._nccl = ctypes.CDLL("libnccl.so.2")
        self._nccl.ncclGetErrorString.restype = ctypes.c_char_p
        self._ranks = ranks
        unique = UniqueId()
        if ranks.rank == 0:
            self._check(self._nccl.ncclGetUniqueId(ctypes.byref(unique)))
        told = [bytes(unique)]
        dist.broadcast_object_list(told, group=ranks.host)
        self._comm = ctypes.c_void_p()
        self._check(self._nccl.ncclCommInitRank(
            ctypes.byref(self._comm), ranks.size, UniqueId.from_buffer_copy(told[0]), ranks.rank))

    def all_reduce(self, rows):
        self._check(self._nccl.ncclAllReduce(
            _address(rows), _address(rows), _count(rows), BFLOAT16, SUM, self._comm, _stream()))

    def reduce_scatter(self, share, rows):
        self._check(self._nccl.ncclReduceScatter(
            _address(rows), _address(share), _count(share), BFLOAT16, SUM, self._comm, _stream()))

    def grouped_reduce(self, share, rows):
        """The same by one rooted reduce for each owner, all in one group."""
        self._check(self._nccl.ncclGroupStart())
        for owner, part in enumerate(rows.chunk(self._ranks.size)):
            self._check(self._nccl.ncclReduce(
                _address(part), _address(share), _count(part), BFLOAT16, SUM, owner, self._comm,
                _stream()))
        self._check(self._nccl.ncclGroupEnd())

    def close(self):
        self._check(self._nccl.ncclCommDestroy(self._comm))

    def _check(self, status):
        if status:
            raise RuntimeError(f"NCCL: {self._nccl.ncclGetErrorString(status).decode()}")


def _address(tensor):
    return ctypes.c_void_p(tensor.data_ptr())


def _count(tensor):
    return ctypes.c_size_t(tensor.numel())


def _stream():
    return ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
