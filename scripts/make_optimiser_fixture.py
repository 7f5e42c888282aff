#!/usr/bin/env python3
"""Make tests/probe/fixtures/optimiser.safetensors: torch.optim.RMSprop inside Lookahead over 20 steps.

Two parameter groups with learning rates of their own, warmed up over 10 steps; centred and plain variance. Stored: start,
gradients and learning rates per step, and where the parameters stand after each step. Needs torch and safetensors.
"""

import pathlib

import torch
from safetensors.torch import save_file

FIXTURE = pathlib.Path(__file__).resolve().parent.parent / "tests" / "probe" / "fixtures" / "optimiser.safetensors"
STEPS, FIRST, SECOND = 20, 7, 5
RATES = (3e-4, 1e-3)


def trajectory(start, gradients, centred):
    parameters = [torch.nn.Parameter(part.clone()) for part in start.split([FIRST, SECOND])]
    optimiser = torch.optim.RMSprop([{"params": [p], "lr": rate} for p, rate in zip(parameters, RATES)], centered=centred)
    slow = [p.detach().clone() for p in parameters]
    states = []
    for step, gradient in enumerate(gradients, 1):
        for p, part, group, rate in zip(parameters, gradient.split([FIRST, SECOND]), optimiser.param_groups, RATES):
            p.grad = part.clone()
            group["lr"] = rate * min(1.0, step / 10)
        optimiser.step()
        if step % 6 == 0:
            with torch.no_grad():
                for p, s in zip(parameters, slow):
                    s.add_(p - s, alpha=0.5)
                    p.copy_(s)
        states.append(torch.cat([p.detach() for p in parameters]))
    return torch.stack(states)


torch.manual_seed(1)
start = torch.randn(FIRST + SECOND)
# Sizes from 1e-4 to 1, with a drift, so that mean and variance differ.
scale = torch.logspace(-4, 0, FIRST + SECOND)
gradients = (torch.randn(STEPS, FIRST + SECOND) + 0.5) * scale
base = torch.tensor([RATES[0]] * FIRST + [RATES[1]] * SECOND, dtype=torch.float64)
warm_up = torch.tensor([min(1.0, step / 10) for step in range(1, STEPS + 1)], dtype=torch.float64)
save_file({"start": start, "gradients": gradients.contiguous(), "rates": (warm_up[:, None] * base).float().contiguous(),
           "centred": trajectory(start, gradients, True), "plain": trajectory(start, gradients, False)}, FIXTURE)
