"""Random changes to pictures: a whole batch at a time, one draw per image.

Each takes float images (B, C, H, W) in [0, 1] and gives such images, on their device, leaving its input untouched. Half
of it *applies* a number per image, as torchvision does to one picture (`crop`, `adjust_hue`, `blur`); half *draws* the
numbers from torch's generators (`random_resized_crop`, `color_jitter`, `gaussian_blur`), so that
`torch.manual_seed` governs. Nothing here waits for a GPU. Your own: `partial(simclr_views,
strength=1.0)`, `compose(random_crop, grayscale)`.
"""

from functools import reduce

import torch
import torch.nn.functional as F


def simclr_views(images, *, size=None, scale=(0.08, 1.0), strength=0.5, blur=None):
    """One random view of every image as in SimCLR; call it twice for a pair. Chen et al. 2020, appendix A.

    images: (B, 3, H, W) → the same, or (B, 3, size, size). scale: of the crop, as `random_resized_crop` takes it. strength
    of the colour jitter: 1 for ImageNet, 0.5 for CIFAR-10 (appendix B.9), where there is no blur either: None blurs views
    of 64 pixels and more. Raises as its steps.
    """
    views = random_resized_crop(images, scale, size=size)
    views = horizontal_flip(views)
    views = color_jitter(views, 0.8 * strength, 0.8 * strength, 0.8 * strength, 0.2 * strength, probability=0.8)
    views = grayscale(views, probability=0.2)
    blur = min(views.shape[-2:]) >= 64 if blur is None else blur
    return gaussian_blur(views, probability=0.5) if blur else views


def standard(images, *, padding=4):
    """The light change of supervised training: a shifted crop and a flip (He et al. 2016, section 4.2)."""
    return horizontal_flip(random_crop(images, padding))


def compose(*steps):
    """Augmentations → the augmentation that does them one after another."""
    return lambda images: reduce(lambda changed, step: step(changed), steps, images)


def random_resized_crop(images, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), size=None):
    """A random part of each image, stretched to the size of the whole, or to `size` pixels square.

    scale: range of the part's area, as a fraction. ratio: range of width / height, drawn evenly in the logarithm. As
    Szegedy et al. 2015 and torchvision: ten tries, then the largest centred box. ValueError for senseless ranges.
    """
    check(images)
    if not 0 < scale[0] <= scale[1] <= 1:
        raise ValueError(f"scale={scale}: want 0 < low <= high <= 1, fractions of the picture's area, as (0.08, 1)")
    if not 0 < ratio[0] <= ratio[1]:
        raise ValueError(f"ratio={ratio}: want 0 < low <= high, width / height, as (3/4, 4/3)")
    tall, wide = images.shape[-2:]
    area = tall * wide * uniform(images, *scale, tries=10)                                    # (B, 10)
    aspect = uniform(images, *torch.tensor(ratio).log().tolist(), tries=10).exp()             # (B, 10)
    widths, heights = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()          # (B, 10)
    fits = (widths >= 1) & (widths <= wide) & (heights >= 1) & (heights <= tall)
    first, none = fits.byte().argmax(1, keepdim=True), ~fits.any(1)                           # (B, 1), (B,)
    width = torch.where(none, max(1, min(wide, round(tall * ratio[1]))), widths.gather(1, first)[:, 0])
    height = torch.where(none, max(1, min(tall, round(wide / ratio[0]))), heights.gather(1, first)[:, 0])
    down, right = torch.where(none, 0.5, torch.rand(2, len(images), device=images.device))
    return crop(images, (down * (tall - height + 1)).floor(), (right * (wide - width + 1)).floor(), height, width, size)


def crop(images, top, left, height, width, size=None):
    """Stretch a box of each image to the images' own size, or to `size` pixels square: bilinear, antialiased.

    top, left, height, width: (B,) whole pixels, the box inside the image. The change is linear, and separable: one
    matrix makes new rows of the old, another the columns, and two products are faster than gathering pixels.
    """
    rows, columns = (size, size) if size else images.shape[-2:]
    return separable(images, triangles(top, height, images.shape[-2], rows),
                     triangles(left, width, images.shape[-1], columns))


def triangles(start, length, old, new):
    """The matrices (B, new, old) that stretch [start, start + length) of `old` pixels over `new` pixels."""
    start, length = start.float()[:, None, None], length.float()[:, None, None]
    centre = (torch.arange(new, device=start.device)[:, None] + 0.5) * (length / new)         # (B, new, 1)
    pixel = torch.arange(old, device=start.device) + 0.5 - start                              # (B, 1, old)
    reach = (length / new).clamp(min=1)                  # shrinking: a wider triangle averages what falls together
    weights = (1 - (pixel - centre).abs_().div_(reach)).clamp_(min=0)                         # (B, new, old)
    weights.mul_((pixel > 0) & (pixel < length))
    return weights.div_(weights.sum(-1, keepdim=True))


def separable(images, rows, columns):
    """rows (B, H', H) · images (B, C, H, W) · columnsᵀ (B, W, W') → (B, C, H', W'); every row of weights sums to 1."""
    with torch.autocast(images.device.type, enabled=False):         # pixels deserve more than half precision
        rows, columns = rows.to(images.dtype), columns.to(images.dtype)
        narrowed = (images.flatten(1, 2) @ columns.mT).unflatten(1, images.shape[1:3])        # (B, C, H, W')
        return torch.stack([rows @ channel for channel in narrowed.unbind(1)], 1).clamp_(0, 1)    # 1 + rounding → 1


def random_crop(images, padding=4):
    """Each image shifted by up to `padding` pixels either way; what comes in from outside is its mirror image."""
    check(images)
    height, width = images.shape[-2:]
    if not 0 <= padding < min(height, width):
        raise ValueError(f"padding={padding}: want 0 or more, less than either side of {height} x {width} pixels")
    top, left = torch.randint(2 * padding + 1, (2, len(images)), device=images.device)
    padded = F.pad(images, (padding,) * 4, mode="reflect")
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)       # (B, C, 2p+1, 2p+1, H, W), a view: nothing copied
    return windows[torch.arange(len(images), device=images.device), :, top, left]             # (B, C, H, W)


def horizontal_flip(images, probability=0.5):
    """Swap left and right in each image, with this probability."""
    return torch.where(chance(images, probability), images.flip(-1), images)


def color_jitter(images, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, probability=0.8):
    """Change each image's colours with this probability: four changes, in an order drawn for each image.

    brightness, contrast, saturation: x draws a factor from [max(0, 1 - x), 1 + x]. hue: x <= 0.5 draws a shift from
    [-x, x], in turns of the colour circle. 0 leaves a change out. Raises ValueError for other strengths.
    """
    check(images, colour=True)
    if not (min(brightness, contrast, saturation, hue) >= 0 and hue <= 0.5):
        raise ValueError(f"{brightness=}, {contrast=}, {saturation=}, {hue=}: want 0 or more, and hue at most 0.5")
    factors = {adjust_brightness: brightness, adjust_contrast: contrast, adjust_saturation: saturation}
    changes = [(adjust, uniform(images, max(0, 1 - x), 1 + x)) for adjust, x in factors.items() if x]
    changes += [(adjust_hue, uniform(images, -hue, hue))] if hue else []
    # The order is drawn on the CPU: it must know the size of each group, and would wait for a GPU.
    order = torch.rand(len(images), len(changes)).argsort(1)        # (B, changes)
    alone = ~chance(images, probability, "cpu").view(-1, 1)         # left alone: a last group
    order = order.masked_fill(alone, len(changes))
    # At each place in the order, group the images by the change that is due: every change is made once to each image.
    sizes = F.one_hot(order, len(changes) + 1).sum(0).tolist()                                # (changes, changes + 1)
    groups = order.argsort(dim=0, stable=True)                      # (B, changes)
    groups = groups.to(images.device, non_blocking=True)
    images = images.clone()
    for place in range(len(changes)):
        for group, (adjust, amount) in zip(groups[:, place].split(sizes[place]), changes):
            images.index_copy_(0, group, adjust(images[group], amount[group]))
    return images


def adjust_brightness(images, factor):
    """factor (B,): 0 gives black, 1 the image."""
    return (images * factor.view(-1, 1, 1, 1)).clamp_(0, 1)


def adjust_contrast(images, factor):
    """factor (B,): 0 gives the image's mean grey, 1 the image."""
    return blend(images, luma(images).mean((-2, -1), keepdim=True), factor)


def adjust_saturation(images, factor):
    """factor (B,): 0 gives the image in grey, 1 the image."""
    return blend(images, luma(images), factor)


def adjust_hue(images, shift):
    """Turn the colours by shift (B,), in turns of the colour circle: to hue, chroma, value (Smith 1978) and back."""
    red, green, blue = images.unbind(1)                                                       # (B, H, W)
    value = images.amax(1)
    chroma = value - images.amin(1)
    sixth = 6 * chroma.clamp(min=torch.finfo(chroma.dtype).tiny)    # grey, of chroma 0, may have any hue
    hue = torch.where(value == red, (green - blue) / sixth, torch.where(
        value == green, (blue - red) / sixth + 1 / 3, (red - green) / sixth + 2 / 3))
    hue += shift.view(-1, 1, 1)
    own = (torch.arange(3, device=hue.device, dtype=hue.dtype) / 3).view(3, 1, 1)
    away = hue[:, None] - own                                                                 # (B, 3, H, W)
    away = away.sub_(away.round()).abs_()                           # the way round the circle to the channel's own hue
    missing = away.mul_(6).sub_(1).clamp_(0, 1)                     # full up to a sixth away, then falling to nothing
    return torch.addcmul(value[:, None], missing, chroma[:, None], value=-1).clamp_(0, 1)


def grayscale(images, probability=0.2):
    """Take the colours from each image, leaving three equal channels, with this probability."""
    check(images, colour=True)
    return torch.where(chance(images, probability), luma(images), images)


def luma(images):
    """(B, 3, H, W) → (B, 1, H, W): how bright each pixel looks (ITU-R BT.601)."""
    red, green, blue = images.split(1, 1)
    return (red * 0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def blend(images, other, factor):
    """factor · images + (1 - factor) · other, held in [0, 1]; factor (B,) beyond 1 leads away from the other."""
    factor = factor.view(-1, 1, 1, 1)
    return (images * factor).add_(other * (1 - factor)).clamp_(0, 1)


def gaussian_blur(images, sigma=(0.1, 2.0), probability=0.5):
    """Blur each image with this probability: sigma pixels, drawn evenly; the kernel a tenth of the image (SimCLR)."""
    if not 0 < sigma[0] <= sigma[1]:
        raise ValueError(f"sigma={sigma}: want 0 < low <= high, in pixels, as (0.1, 2)")
    chosen = chance(images, probability, "cpu").flatten().nonzero()[:, 0]    # see color_jitter
    chosen, amount = chosen.to(images.device, non_blocking=True), uniform(images, *sigma)
    kernel_size = max(3, min(images.shape[-2:]) // 10 | 1)
    return images.index_copy(0, chosen, blur(images[chosen], amount[chosen], kernel_size))


def blur(images, sigma, kernel_size):
    """Gaussian of standard deviation sigma (B,) pixels, cut off at kernel_size (odd); mirrored beyond the edges."""
    matrices, reach = [], kernel_size // 2
    for side in images.shape[-2:]:
        pixel = torch.arange(-reach, side + reach, device=images.device)                      # with the mirrored edges
        mirror = F.one_hot(side - 1 - (side - 1 - pixel.abs()).abs(), side).float()           # (side + 2 reach, side)
        distance = pixel - torch.arange(side, device=images.device)[:, None]                  # (side, side + 2 reach)
        weights = torch.exp(-0.5 * (distance / sigma.float().view(-1, 1, 1)) ** 2) * (distance.abs() <= reach)
        with torch.autocast(images.device.type, enabled=False):
            matrices.append(weights / weights.sum(-1, keepdim=True) @ mirror)                 # (B, side, side)
    return separable(images, *matrices)


def uniform(images, low, high, tries=None):
    """One number per image, (B,), or several, (B, tries), from torch's generator of the images' device."""
    shape = (len(images), tries) if tries else (len(images),)
    return torch.empty(shape, device=images.device).uniform_(low, high)


def chance(images, probability, device=None):
    """One yes or no per image, (B, 1, 1, 1), on the device of the images unless told otherwise."""
    check(images)
    if not 0 <= probability <= 1:
        raise ValueError(f"probability={probability}: want a number from 0 to 1")
    return torch.rand(len(images), 1, 1, 1, device=device or images.device) < probability


def check(images, colour=False):
    """Raise TypeError unless images are float32 or float64, ValueError unless (B, C, H, W), C = 3 where in colour."""
    if images.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"got {images.dtype} images, want float32 in [0, 1]: sslkit.data.as_float(images) for bytes")
    if images.ndim != 4:
        raise ValueError(f"got images of shape {tuple(images.shape)}, want (B, C, H, W): for one picture, images[None]")
    if colour and images.shape[1] != 3:
        raise ValueError(f"got {images.shape[1]} channels, want red, green and blue: images.expand(-1, 3, -1, -1)")
