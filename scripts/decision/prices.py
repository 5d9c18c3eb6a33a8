"""What a candidate costs, in words: what it takes, and what it does beside compute."""

from decision.format import gain_text, milliseconds
from decision.judge import Assessment


def price_text(one: Assessment) -> str:
    """All that is known of a setting's price."""
    setting = one.candidate.setting
    return "; ".join(filter(None, (setting.price if setting else "", beside_text(one, "it"))))


def beside_text(one: Assessment, subject: str) -> str:
    """beside a GEMM it saves 1.0 ms [0.8, 1.2] of both together, and the GEMM takes 2.0 % longer"""
    gain, pct = one.beside.together, one.beside.gemm_pct
    if gain is None or pct is None:
        return f"not priced beside compute, {one.beside.why_not}"
    if gain.is_a_gain():
        does = f"saves {gain_text(gain)} of"
    elif gain.is_a_loss():
        does = f"costs {milliseconds(-gain.ms)} of"
    else:
        does = f"has no resolved effect (saves {gain_text(gain)}) on"
    takes = f"{abs(pct):.1f} % {'longer' if pct >= 0 else 'less time'}"
    return f"beside a GEMM {subject} {does} both together, and the GEMM takes {takes}"
