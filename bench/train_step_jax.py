"""One training step in JAX: the peer of `cargo run --release -p fovea-train --example step`.

    python3 train_step_jax.py

The same head (1280-1024-512 with residual), loss (InfoNCE, learned temperature), batch (512), clipping
and AdamW, jitted, buffers donated, on the CPU with JAX's own default threads. Prints the median of 30 steps.

Needs jax==0.10.2 and optax==0.2.8.
"""

import os
import statistics
import time

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np
import optax

BATCH, INPUTS, HIDDEN, OUTPUTS, STEPS = 512, 1280, 1024, 512, 30


def unit(rows):
    return rows / jnp.linalg.norm(rows, axis=1, keepdims=True)


def loss_of(params, features, conse, texts):
    hidden = jax.nn.gelu(features @ params["w1"] + params["b1"], approximate=True)
    images = unit(hidden @ params["w2"] + params["b2"] + params["residual"] * conse)
    logits = jnp.exp(params["scale"]) * images @ texts.T
    labels = jnp.arange(BATCH)
    cross = optax.softmax_cross_entropy_with_integer_labels
    return 0.5 * (cross(logits, labels).mean() + cross(logits.T, labels).mean())


def main():
    rng = np.random.default_rng(0)
    def noise(*shape):
        return jnp.asarray(rng.uniform(-0.5, 0.5, shape), jnp.float32)
    params = {
        "w1": noise(INPUTS, HIDDEN) * 0.1, "b1": jnp.zeros(HIDDEN),
        "w2": jnp.zeros((HIDDEN, OUTPUTS)), "b2": jnp.zeros(OUTPUTS),
        "residual": jnp.ones(()), "scale": jnp.float32(2.6593),
    }
    decays = {name: value.ndim > 1 for name, value in params.items()}
    adam = optax.adamw(1e-3, weight_decay=0.01, mask=decays)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), adam)
    state = optimiser.init(params)
    features, conse, texts = noise(BATCH, INPUTS) * 3.46, noise(BATCH, OUTPUTS), unit(noise(BATCH, OUTPUTS))

    def step(params, state):
        value, grads = jax.value_and_grad(loss_of)(params, features, conse, texts)
        updates, state = optimiser.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    step = jax.jit(step, donate_argnums=(0, 1))
    times_ms = []
    for _ in range(STEPS + 3):
        start = time.perf_counter()
        params, state, value = step(params, state)
        jax.block_until_ready(params)
        times_ms.append((time.perf_counter() - start) * 1e3)
    print(f"jax {jax.__version__}: median {statistics.median(times_ms[3:]):.1f} ms a step of {STEPS}, loss {value:.4f}")


if __name__ == "__main__":
    main()
