"""Makes tiny networks of torchvision as files of weights, and what torchvision says of them, for `crates/encode/tests/towers`.

    VENV/bin/python scripts/reference/towers/state_dicts.py crates/encode/tests/towers        (the environment of make.py)

Each has the layers of the real one and few channels. `torchvision/expected.json` has of each the feature below the last layer and
the first scores of every lossless picture, and of each picture every 997th number of what the network is given.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torchvision.models import resnet, vgg
from torchvision.transforms._presets import ImageClassification
from torchvision.transforms.functional import InterpolationMode

import pictures

CLASSES = 1000
STEP = 997
# Real channels over those here.
RESNET = 16
VGG = 32
WIDE = 24


class SmallResNet(resnet.ResNet):
    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if planes == 64:
            self.inplanes //= RESNET
        return super()._make_layer(block, planes // RESNET, blocks, stride, dilate)


def small_resnet(block, depths, classes=CLASSES):
    model = SmallResNet(block, depths, num_classes=classes)
    stem = 64 // RESNET
    model.conv1 = torch.nn.Conv2d(3, stem, 7, 2, 3, bias=False)
    model.bn1 = torch.nn.BatchNorm2d(stem)
    model.fc = torch.nn.Linear(512 * block.expansion // RESNET, classes)
    return model


def small_vgg(normed):
    channels = [one if one == "M" else one // VGG for one in vgg.cfgs["D"]]
    model = vgg.VGG(vgg.make_layers(channels, batch_norm=normed), num_classes=CLASSES, init_weights=False)
    layers = {0: (512 // VGG * 49, WIDE), 3: (WIDE, WIDE), 6: (WIDE, CLASSES)}
    for at, (inputs, outputs) in layers.items():
        model.classifier[at] = torch.nn.Linear(inputs, outputs)
    return model


def shaken(model):
    """Statistics that a normalisation multiplies by, and weights under which inputs stay apart through all layers."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.copy_(torch.randn_like(module.running_mean) * 0.3)
                module.running_var.copy_(torch.rand_like(module.running_var) + 0.5)
                module.weight.copy_(torch.rand_like(module.weight) * 0.8 + 0.4)
                module.bias.copy_(torch.randn_like(module.bias) * 0.2)
            elif isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
                torch.nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    module.bias.copy_(torch.randn_like(module.bias) * 0.2)
    return model.eval()


def halved(model):
    """What a file of half precision holds is what it says."""
    return model.half().float()


def below(model, pixels):
    """What the last layer reads."""
    seen = []
    last = model.fc if hasattr(model, "fc") else model.classifier[6]
    hook = last.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    scores = model(pixels)
    hook.remove()
    return seen[0], scores


def main(out):
    folder = out / "torchvision"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.manual_seed(50)
    models = {
        "resnet18.pth": shaken(small_resnet(resnet.BasicBlock, [2, 2, 2, 2])),
        "resnet34.pth": shaken(small_resnet(resnet.BasicBlock, [3, 4, 6, 3])),
        "resnet50.safetensors": halved(shaken(small_resnet(resnet.Bottleneck, [3, 4, 6, 3]))),
        "vgg16.pth": shaken(small_vgg(False)),
        "vgg16_bn.pth": shaken(small_vgg(True)),
    }
    prepare = ImageClassification(crop_size=224, resize_size=256, interpolation=InterpolationMode.BILINEAR)
    lossless = [one for one in sorted((out / "pictures").iterdir()) if one.suffix != ".jpg"]
    prepared = {path.name: prepare(pictures.upright(path))[None] for path in lossless}
    expected = {"step": STEP, "pixels": {}, "models": {}}
    for name, pixels in prepared.items():
        expected["pixels"][name] = [round(float(x), 5) for x in pixels.flatten()[::STEP]]
    for file, model in models.items():
        said = {"features": {}, "scores": {}}
        for name, pixels in prepared.items():
            with torch.no_grad():
                feature, scores = below(model, pixels)
            said["features"][name] = [round(float(x), 6) for x in torch.nn.functional.normalize(feature, dim=-1)[0]]
            said["scores"][name] = [float(x) for x in scores[0, :8]]
        expected["models"][file] = said
        if file.endswith("safetensors"):
            save_file({name: one.half() if one.is_floating_point() else one for name, one in model.state_dict().items()}, folder / file)
        else:
            torch.save(model.state_dict(), folder / file, _use_new_zipfile_serialization=file != "vgg16.pth")
    (folder / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
