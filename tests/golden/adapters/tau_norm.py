from golden_cases import Case
from torch import nn

from longtail.net import Net
from longtail.surgery import TauNormalize


def run(case: Case) -> dict:
    """A head with a bias, which must be dropped."""
    weight = case.number("weight")
    head = nn.Linear(weight.shape[1], weight.shape[0]).double()
    head.weight.data.copy_(weight)
    net = TauNormalize(tau=case.params["tau"])(Net(nn.Identity(), head))
    return {"weight": net.head.weight, "logits": net(case.number("features"))}
