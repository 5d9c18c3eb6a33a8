"""What several files of tests look at."""

import pytest
from program import QUICK, launch


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """One small sweep on three ranks, with an idle one, and what it left."""
    folder = tmp_path_factory.mktemp("sweep")
    environment = {"NCCL_TEST_VARIABLE": "kept", "AWS_SECRET_ACCESS_KEY": "s3cr3t"}
    done = launch(*QUICK, "--tokens", "0,7", "--load", "balanced,hot,counts:3;0;1", "--dtype",
                  "bf16,f16", "--gather", "all_reduce_zero_fill,all_gather_padded",
                  "--shared-intermediate", "10", "--out", folder, "--progress", "plain", ranks=3,
                  env=environment)
    assert done.returncode == 0, done.stderr
    return folder, done
