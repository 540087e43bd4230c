"""The networks of each layout, a few thousand random weights each."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from .words import BEGIN, CONTEXT_TOKENS, END, vocabulary

WIDTH = 16
"""Width of every text encoder."""
LATENT_CHANNELS = 4
TIME_WIDTH = 8
"""SDXL: width of the embedding of each of the six sizes."""
GUIDANCE_WIDTH = 256
"""LCM: width of the embedding of the guidance scale, as diffusers computes it."""


def seeded(seed: int, make) -> nn.Module:
    """Weights that half precision holds exactly, so that the exported file can store them so."""
    torch.manual_seed(seed)
    module = make().eval().requires_grad_(False)
    for weight in module.parameters():
        weight.copy_(weight.half().float())
    return module


def text_encoder(seed: int, pad: str, layers: int, activation: str, projected: bool = False) -> nn.Module:
    vocab, _ = vocabulary()
    config = CLIPTextConfig(
        vocab_size=len(vocab),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=2,
        max_position_embeddings=CONTEXT_TOKENS,
        hidden_act=activation,
        bos_token_id=vocab[BEGIN],
        eos_token_id=vocab[END],
        pad_token_id=vocab[pad],
        attn_implementation="eager",
        initializer_factor=10.0,
    )
    return seeded(seed, lambda: (CLIPTextModelWithProjection if projected else CLIPTextModel)(config))


def unet(seed: int, text_width: int, **more) -> UNet2DConditionModel:
    return seeded(
        seed,
        lambda: UNet2DConditionModel(
            sample_size=8,
            in_channels=LATENT_CHANNELS,
            out_channels=LATENT_CHANNELS,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            block_out_channels=(8, 16),
            layers_per_block=1,
            cross_attention_dim=text_width,
            attention_head_dim=4,
            norm_num_groups=4,
            **more,
        ),
    )


def sdxl_unet(seed: int) -> UNet2DConditionModel:
    return unet(
        seed,
        2 * WIDTH,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=TIME_WIDTH,
        projection_class_embeddings_input_dim=6 * TIME_WIDTH + WIDTH,
    )


def autoencoder(seed: int, scaling_factor: float) -> AutoencoderKL:
    return seeded(
        seed,
        lambda: AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(4, 4, 4, 8),
            layers_per_block=1,
            norm_num_groups=4,
            latent_channels=LATENT_CHANNELS,
            sample_size=64,
            scaling_factor=scaling_factor,
            force_upcast=False,
        ),
    )
