"""Random changes to pictures, a whole batch at a time, with one draw per image.

Every augmentation takes and gives float images (B, C, H, W) in [0, 1], on whatever device they are, and leaves what it
was given untouched. Each comes in two halves: an *applying* half, which takes one number per image and does as
torchvision does to a single picture (`crop`, `adjust_hue`, `blur`, …), and a *drawing* half, which draws these numbers
from torch's generator of the device (`random_resized_crop`, `color_jitter`, …), so that `torch.manual_seed` rules.

To vary one, `functools.partial(simclr_views, strength=1.0)`; to make another, `compose(random_crop, grayscale)`.
"""

import torch
import torch.nn.functional as F

# ---- whole recipes ----------------------------------------------------------------------------------------------------


def simclr_views(images, *, size=None, strength=0.5, blur=None):
    """One random view of every image, as in SimCLR: call it twice for a pair. Chen et al. 2020, appendix A.

    images: float (B, 3, H, W) in [0, 1] → (B, 3, size, size), or (B, 3, H, W) without a size. strength: of the colour
    jitter; 1 in the paper for ImageNet, 0.5 for CIFAR-10 (appendix B.9). blur: the paper blurs ImageNet but not
    CIFAR-10; None blurs views of 64 pixels and more. Raises as its steps do.
    """
    views = random_resized_crop(images, size=size)
    views = horizontal_flip(views)
    views = color_jitter(views, 0.8 * strength, 0.8 * strength, 0.8 * strength, 0.2 * strength, probability=0.8)
    views = grayscale(views, probability=0.2)
    blur = min(views.shape[-2:]) >= 64 if blur is None else blur
    return gaussian_blur(views, probability=0.5) if blur else views


def standard(images, *, padding=4):
    """The light change of supervised training: a shifted crop and a flip (He et al. 2016, section 4.2)."""
    return horizontal_flip(random_crop(images, padding=padding))


def compose(*steps):
    """Augmentations → the augmentation that does them one after another."""
    def composed(images):
        for step in steps:
            images = step(images)
        return images
    return composed


# ---- where to look: crops and flips -----------------------------------------------------------------------------------


def random_resized_crop(images, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), size=None):
    """A random part of each image, stretched to the size of the whole (or to `size` pixels square).

    scale: range of the part's area, as a fraction. ratio: range of its width / height, drawn evenly in the logarithm.
    Drawn as torchvision does (Szegedy et al. 2015): ten tries, then the largest centred box of an allowed ratio.
    Raises ValueError for a range that is empty or leaves the picture.
    """
    check(images)
    if not 0 < scale[0] <= scale[1] <= 1:
        raise ValueError(f"scale={scale}: want 0 < low <= high <= 1, fractions of the picture's area, as (0.08, 1)")
    if not 0 < ratio[0] <= ratio[1]:
        raise ValueError(f"ratio={ratio}: want 0 < low <= high, width / height, as (3/4, 4/3)")
    number, (full_height, full_width) = len(images), images.shape[-2:]
    area = full_height * full_width * uniform(images, *scale, tries=10)                       # (B, 10)
    aspect = torch.tensor(ratio).log().tolist()
    aspect = uniform(images, *aspect, tries=10).exp()                                         # (B, 10)
    widths, heights = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()          # (B, 10)
    fits = (widths >= 1) & (widths <= full_width) & (heights >= 1) & (heights <= full_height)
    first = fits.byte().argmax(1, keepdim=True)                                               # (B, 1) first that fits
    width, height = widths.gather(1, first)[:, 0], heights.gather(1, first)[:, 0]             # (B,)
    none = ~fits.any(1)
    width = torch.where(none, min(full_width, round(full_height * ratio[1])), width)
    height = torch.where(none, min(full_height, round(full_width / ratio[0])), height)
    places = torch.rand(2, number, device=images.device)
    places = torch.where(none, 0.5, places)
    top = (places[0] * (full_height - height + 1)).floor()
    left = (places[1] * (full_width - width + 1)).floor()
    return crop(images, top, left, height, width, size)


def crop(images, top, left, height, width, size=None):
    """Cut a box, in pixels, from each image and stretch it to the images' own size, or to `size` pixels square.

    top, left, height, width: (B,). Bilinear with antialiasing, which is linear and separable: one matrix maps old rows
    to new ones and another does the columns. Two batched products are faster than any gathering of pixels.
    """
    rows, columns = images.shape[-2:] if size is None else (size, size)
    return separable(images, triangles(top, height, images.shape[-2], rows),
                     triangles(left, width, images.shape[-1], columns))


def triangles(start, length, old, new):
    """The resampling matrices (B, new, old) that stretch [start, start + length) of `old` pixels over `new` pixels."""
    start, length = start.float()[:, None, None], length.float()[:, None, None]
    centre = (torch.arange(new, device=start.device)[:, None] + 0.5) * (length / new)         # (B, new, 1)
    pixel = torch.arange(old, device=start.device) + 0.5 - start                              # (B, 1, old)
    reach = (length / new).clamp(min=1)                  # shrinking: a wider triangle averages what falls together
    weights = (1 - (pixel - centre).abs() / reach).clamp_(min=0)                              # (B, new, old)
    weights = weights * ((pixel > 0) & (pixel < length))
    return weights / weights.sum(-1, keepdim=True)


def separable(images, rows, columns):
    """rows (B, H', H) · images (B, C, H, W) · columnsᵀ (B, W, W') → (B, C, H', W'), for rows of weights that sum to 1."""
    with torch.autocast(images.device.type, enabled=False):         # pixels deserve more than half precision
        rows, columns = rows.to(images.dtype)[:, None], columns.to(images.dtype)[:, None]
        return (rows @ (images @ columns.mT)).clamp_(0, 1)          # rounding may step over 1 by a hair


def random_crop(images, padding=4):
    """Each image shifted by up to `padding` pixels each way, what comes in from outside being its mirror image."""
    check(images)
    height, width = images.shape[-2:]
    if not 0 <= padding < min(height, width):
        raise ValueError(f"padding={padding}: want 0 to {min(height, width) - 1}, less than the {height} x {width} pixels")
    top, left = torch.randint(2 * padding + 1, (2, len(images)), device=images.device)
    padded = F.pad(images, (padding,) * 4, mode="reflect")
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)       # (B, C, 2p+1, 2p+1, H, W), a view: nothing copied
    return windows[torch.arange(len(images), device=images.device), :, top, left]             # (B, C, H, W)


def horizontal_flip(images, probability=0.5):
    """Left and right change places in each image with this probability."""
    return torch.where(chance(images, probability)[:, None, None, None], images.flip(-1), images)


# ---- colour -----------------------------------------------------------------------------------------------------------


def color_jitter(images, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, probability=0.8):
    """Four changes of colour in a random order, both drawn for each image; with this probability, else none.

    brightness, contrast, saturation: x draws a factor from [max(0, 1 - x), 1 + x]. hue: x <= 0.5 draws a shift from
    [-x, x], in turns of the colour circle. 0 leaves that change out. images: (B, 3, H, W). Raises ValueError.
    """
    check(images, colour=True)
    for name, strength in dict(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue).items():
        if not 0 <= strength <= (0.5 if name == "hue" else float("inf")):
            raise ValueError(f"{name}={strength}: want 0 or more{', at most 0.5' if name == 'hue' else ''}")
    changes = [(adjust, uniform(images, max(0, 1 - strength), 1 + strength)) for adjust, strength in
               ((adjust_brightness, brightness), (adjust_contrast, contrast), (adjust_saturation, saturation)) if strength]
    changes += [(adjust_hue, uniform(images, -hue, hue))] if hue else []
    chosen = chance(images, probability)
    order = torch.rand(len(images), len(changes), device=images.device).argsort(1)            # (B, changes)
    order = torch.where(chosen[:, None], order, len(changes))       # the images left alone: a last group, without change
    # At each place in the order the images fall into groups by which change is due: nothing is computed to be discarded.
    sizes = F.one_hot(order, len(changes) + 1).sum(0).tolist()
    groups = order.argsort(dim=0, stable=True)                                                  # (B, changes)
    images = images.clone()
    for place in range(len(changes)):
        for group, (adjust, amount) in zip(groups[:, place].split(sizes[place]), changes):
            images[group] = adjust(images[group], amount[group])
    return images


def adjust_brightness(images, factor):
    """factor (B,): 0 gives black, 1 the image."""
    return (images * per_image(factor, images)).clamp_(0, 1)


def adjust_contrast(images, factor):
    """factor (B,): 0 gives even grey, the mean of the image's luma; 1 the image."""
    return blend(images, luma(images).mean((-2, -1), keepdim=True), factor)


def adjust_saturation(images, factor):
    """factor (B,): 0 gives the grey image, 1 the image."""
    return blend(images, luma(images), factor)


def adjust_hue(images, shift):
    """Turn each image's colours by shift (B,), in turns of the colour circle: through HSV (Smith 1978) and back."""
    red, green, blue = images.unbind(1)                                                       # (B, H, W)
    value, low = images.amax(1), images.amin(1)
    chroma = value - low
    safe = torch.where(chroma == 0, 1, chroma)                      # grey has no hue: any will do, as its chroma is 0
    hue = torch.where(value == red, (green - blue) / safe,
                      torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4))    # in sixths
    hue = hue + 6 * per_image(shift, hue)
    # A channel is full within a sixth of its own hue either side, and falls evenly to nothing over the next sixth.
    turn = hue[:, None] + torch.tensor([5, 3, 1], device=hue.device, dtype=hue.dtype)[:, None, None]
    turn = turn.remainder_(6)                                                                 # (B, 3, H, W)
    missing = torch.minimum(turn, 4 - turn).clamp_(0, 1)
    return (value[:, None] - missing.mul_(chroma[:, None])).clamp_(0, 1)


def grayscale(images, probability=0.2):
    """Each image without its colours, still in three channels, with this probability."""
    check(images, colour=True)
    return torch.where(chance(images, probability)[:, None, None, None], luma(images), images)


def luma(images):
    """(B, 3, H, W) → (B, 1, H, W): how bright each pixel looks (ITU-R BT.601)."""
    red, green, blue = images.split(1, 1)
    return (red * 0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def blend(images, other, factor):
    """factor · images + (1 - factor) · other, held in [0, 1]. factor (B,) beyond 1 leads away from the other."""
    factor = per_image(factor, images)
    return (images * factor).add_(other * (1 - factor)).clamp_(0, 1)


# ---- sharpness --------------------------------------------------------------------------------------------------------


def gaussian_blur(images, sigma=(0.1, 2.0), probability=0.5):
    """Blur each image with this probability, sigma pixels drawn evenly; the kernel is a tenth of the image (SimCLR)."""
    if not 0 < sigma[0] <= sigma[1]:
        raise ValueError(f"sigma={sigma}: want 0 < low <= high, in pixels, as (0.1, 2)")
    chosen = chance(images, probability).nonzero()[:, 0]
    amount = uniform(images, *sigma)
    images = images.clone()
    images[chosen] = blur(images[chosen], amount[chosen], kernel_size=max(3, min(images.shape[-2:]) // 10 | 1))
    return images


def blur(images, sigma, kernel_size):
    """Gaussian blur of standard deviation sigma (B,) pixels, cut off at kernel_size (odd); mirrored beyond the edges."""
    return separable(images, *(gaussians(sigma, kernel_size // 2, side) for side in images.shape[-2:]))


def gaussians(sigma, reach, side):
    """The blurring matrices (B, side, side)."""
    pixel = torch.arange(-reach, side + reach, device=sigma.device)                           # with the mirrored edges
    mirrored = F.one_hot((side - 1 - (side - 1 - pixel.abs()).abs()), side).float()           # (side + 2 reach, side)
    distance = pixel - torch.arange(side, device=sigma.device)[:, None]                       # (side, side + 2 reach)
    weights = torch.exp(-0.5 * (distance / sigma.float()[:, None, None]) ** 2) * (distance.abs() <= reach)
    return weights / weights.sum(-1, keepdim=True) @ mirrored


# ---- drawing and checking ---------------------------------------------------------------------------------------------


def uniform(images, low, high, tries=None):
    """One number per image, (B,), or several, (B, tries), from torch's generator of the images' device."""
    shape = (len(images),) if tries is None else (len(images), tries)
    return torch.empty(shape, device=images.device).uniform_(low, high)


def chance(images, probability):
    """One decision per image, (B,) bool."""
    check(images)
    if not 0 <= probability <= 1:
        raise ValueError(f"probability={probability}: want a number from 0 to 1")
    return torch.rand(len(images), device=images.device) < probability


def per_image(amount, images):
    """(B,) → (B, 1, …), to multiply images with."""
    return amount.to(images.dtype).view(-1, *[1] * (images.ndim - 1))


def check(images, colour=False):
    """Raise TypeError unless the images are floats, ValueError unless they are (B, C, H, W), in colour C = 3."""
    if not images.is_floating_point():
        raise TypeError(f"got {images.dtype} images, want floats in [0, 1]: sslkit.data.as_float(images)")
    if images.ndim != 4:
        raise ValueError(f"got images of shape {tuple(images.shape)}, want a batch (B, C, H, W): images[None] makes one")
    if colour and images.shape[1] != 3:
        raise ValueError(f"got {images.shape[1]} channels, want 3 (red, green, blue): images.expand(-1, 3, -1, -1)")
