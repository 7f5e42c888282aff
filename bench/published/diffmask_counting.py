"""DiffMask on the counting task with known truth, as published: one random point per step."""
import argparse, random, time
import torch, torch.nn.functional as F
from diffmask_parts import Gate, Lookahead, log_keep, sample

a = argparse.ArgumentParser()
a.add_argument("--seed", type=int, default=0); a.add_argument("--task-epochs", type=int, default=50)
a.add_argument("--epochs", type=int, default=100); a.add_argument("--threads", type=int, default=1)
a = a.parse_args()
torch.manual_seed(a.seed); random.seed(a.seed); torch.set_num_threads(a.threads)
SYMBOLS = LENGTH = 10; EXAMPLES, TRAIN, D = 10000, 9000, 64
query = torch.stack([torch.randperm(SYMBOLS)[:2] for _ in range(EXAMPLES)])
weights = torch.full((EXAMPLES, SYMBOLS), 0.5 / (SYMBOLS - 2)).scatter_(1, query, 0.25)
x = torch.multinomial(weights, LENGTH, replacement=True)
mask = torch.arange(LENGTH)[None] < torch.randint(1, LENGTH + 1, (EXAMPLES, 1))
count = lambda i: ((x == query[:, i:i + 1]) & mask).sum(-1)
label = (count(0) > count(1)).float()
truth = ((x == query[:, :1]) | (x == query[:, 1:])) & mask
x = torch.where(mask, x, 0)

class Counter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.of_query, self.of_input = torch.nn.Embedding(SYMBOLS, D), torch.nn.Embedding(SYMBOLS, D)
        self.mix = torch.nn.Sequential(torch.nn.Linear(3 * D, D), torch.nn.Tanh(), torch.nn.Linear(D, 2))
        self.gru, self.head = torch.nn.GRU(2, D), torch.nn.Linear(D, 1)
    def encode(self, query, e):
        return self.mix(torch.cat((self.of_query(query).flatten(1).unsqueeze(1).expand(-1, LENGTH, -1), e), -1))
    def decide(self, h, mask):
        packed = torch.nn.utils.rnn.pack_padded_sequence(h, mask.sum(-1), batch_first=True, enforce_sorted=False)
        return self.head(self.gru(packed)[1][0]).squeeze(-1)
    def forward(self, i): return self.decide(self.encode(query[i], self.of_input(x[i])), mask[i])

net, start, best = Counter(), time.time(), (0, None)
optimiser = torch.optim.Adam(net.parameters(), 1e-3)
for _ in range(a.task_epochs):
    for i in torch.randperm(TRAIN).split(128):
        optimiser.zero_grad(); F.binary_cross_entropy_with_logits(net(i), label[i]).backward(); optimiser.step()
    with torch.no_grad(): right = ((net(slice(TRAIN, None)) > 0) == label[TRAIN:]).float().mean().item()
    if right >= best[0]: best = (right, {k: v.clone() for k, v in net.state_dict().items()})
net.load_state_dict(best[1])
print(f"task accuracy {best[0]:.4f}, {time.time() - start:.1f} s")
for p in net.parameters(): p.requires_grad_(False)

gates = torch.nn.ModuleList([Gate(2 * D, 32), Gate(4, 32)])
base = torch.nn.ParameterList([torch.nn.Parameter(torch.nn.init.xavier_normal_(torch.empty(1, w)).view(1, 1, w)) for w in (D, 2)])
alpha = torch.nn.Parameter(torch.ones(2))
probes = Lookahead(torch.optim.RMSprop([*gates.parameters(), *base.parameters()], lr=1e-3, centered=True))
multipliers = Lookahead(torch.optim.RMSprop([alpha], lr=0.3))

def states(i):
    e = net.of_input(x[i]); return e, net.encode(query[i], e)
def masked(i, k, z, h):
    h = h[k] * z.unsqueeze(-1) + base[k] * (1 - z).unsqueeze(-1)
    return net.decide(net.encode(query[i], h) if k == 0 else h, mask[i])
def bernoulli_kl(p, q):
    return p.sigmoid() * (F.logsigmoid(p) - F.logsigmoid(q)) + (1 - p.sigmoid()) * (F.logsigmoid(-p) - F.logsigmoid(-q))

start, step = time.time(), 0
for _ in range(a.epochs):
    for i in torch.randperm(TRAIN).split(128):
        k = random.randrange(2)
        with torch.no_grad(): h = states(i); clean = net.decide(h[1], mask[i])
        logits = gates[k](torch.cat((h[k], h[k]), -1))
        sparsity = ((log_keep(logits) * mask[i]).sum(-1) / mask[i].sum(-1)).mean()
        (alpha[k] * (bernoulli_kl(clean, masked(i, k, sample(logits), h)).mean() - 0.05) + sparsity).backward()
        step += 1
        for g in probes.inner.param_groups: g["lr"] = 1e-3 * min(1, step / 200)
        alpha.grad.neg_(); probes.step(); multipliers.step(); alpha.data.clamp_(0, 200)
spent, i = time.time() - start, slice(TRAIN, None)
with torch.no_grad():
    h = states(i); clean = net.decide(h[1], mask[i])
    for k in range(2):
        z = (log_keep(gates[k](torch.cat((h[k], h[k]), -1))).exp() > 0.5) & mask[i]
        out = masked(i, k, z.float(), h)
        f1 = 2 * (z & truth[i]).sum() / (z.sum() + truth[i].sum())
        print(f"point {k}: KL {bernoulli_kl(clean, out).mean():.4f} agreement {((out > 0) == (clean > 0)).float().mean():.4f} "
              f"keep {(z.sum(-1) / mask[i].sum(-1)).mean():.3f} (truth {(truth[i].sum(-1) / mask[i].sum(-1)).mean():.3f}) F1 {f1:.4f} alpha {alpha[k]:.1f}")
print(f"{step} steps, {1000 * spent / step:.2f} ms/step")
