"""Takes transparency out of pictures that need none, or that come to places which show none."""

from PIL import Image


def opaque(image: Image.Image) -> Image.Image:
    """Returns an RGBA picture without a see-through pixel as RGB, and any other as it is."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    return image


def flattened(image: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """Returns the picture as RGB, with `colour` (red, green, blue) behind what can be seen through."""
    if image.mode != "RGBA":
        return image
    backdrop = Image.new("RGBA", image.size, (*colour, 255))
    return Image.alpha_composite(backdrop, image).convert("RGB")
