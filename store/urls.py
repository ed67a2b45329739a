"""Store URLs: their forms."""

ONE_SERVER = ("redis://", "rediss://", "unix://")
CLUSTER = ("redis+cluster://", "rediss+cluster://")
SENTINEL = ("redis+sentinel://", "rediss+sentinel://")
SCHEMES = ONE_SERVER + CLUSTER + SENTINEL


def is_cluster(url: str) -> bool:
    """True when a URL names a cluster, which job queues cannot run on."""
    return url.startswith(CLUSTER)
