"""What the workers of the published benchmark do: their module, which imports nothing else."""


def product(bounds: tuple[int, int]) -> int:
    """CPU-bound: the product of all integers of the range, as its length in bits."""
    result = 1
    for number in range(bounds[0], bounds[1] + 1):
        result *= number
    return result.bit_length()


def get(url: str) -> int:
    """IO-bound: one GET."""
    import httpx

    return int(httpx.get(url).status_code)
