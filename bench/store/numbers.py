"""Numbers to measure with: random ones over all North American area codes, and ones from few ranges."""

import random
from collections.abc import Iterator
from functools import cache

import phonenumbers


@cache
def area_codes() -> tuple[int, ...]:
    """The area codes of the United States and Canada, as the installed metadata knows them."""
    found = []
    for code in range(201, 990):
        number = phonenumbers.parse(f"+1{code}5550123")
        if phonenumbers.is_valid_number(number) and phonenumbers.region_code_for_number(number) in {"US", "CA"}:
            found.append(code)
    return tuple(found)


def random_numbers(count: int, seed: int = 1) -> Iterator[str]:
    """Numbers over all area codes; about one in a thousand of ten million comes twice."""
    rng, codes = random.Random(seed), area_codes()
    choose, below = rng.choice, rng.randrange
    for _ in range(count):
        yield f"+1{choose(codes)}{below(2_000_000, 10_000_000)}"


def clustered_numbers(count: int, seed: int = 1) -> Iterator[str]:
    """Numbers of twenty area codes, in runs of a hundred neighbours: what a local campaign has."""
    rng, codes = random.Random(seed), area_codes()[:20]
    made = 0
    while made < count:
        start = rng.randrange(20_000, 100_000) * 100
        code = rng.choice(codes)
        for line in range(min(100, count - made)):
            yield f"+1{code}{start + line:07d}"
        made += 100


def in_shards(numbers: Iterator[str], shards: int) -> Iterator[str]:
    """The numbers, moved into the first few shards: a small server then looks like a part of a large one."""
    for index, number in enumerate(numbers):
        yield f"{number[:-2]}{index % shards:02d}"
