"""The log of several machines: Redis, asked once a request by a script that nothing interrupts."""

from __future__ import annotations

from collections.abc import Sequence

from .sliding_log import WINDOW, Limit, Seen, StoreFailed

TIMEOUT_SECONDS = 0.25

# Times are µs of Redis's own clock, the one that all machines see.  Somebody may set it:
# what is logged in its future then counts as of now, which blocks nobody for longer than
# a window and lets nobody in twice.  Numbers this long need a format of their own in Lua.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window = tonumber(ARGV[1])
local stamp = string.format('%.0f', now)
local seen, admitted = {}, true
for i, key in ipairs(KEYS) do
  local most = tonumber(ARGV[i + 1])
  local at = redis.call('LINDEX', key, 0)
  local later = 0
  while at and tonumber(at) > now do
    redis.call('LSET', key, later, stamp)
    later = later + 1
    at = redis.call('LINDEX', key, later)
  end
  local oldest = redis.call('LINDEX', key, -1)
  while oldest and tonumber(oldest) < now - window do
    redis.call('RPOP', key)
    oldest = redis.call('LINDEX', key, -1)
  end
  local counted = redis.call('LLEN', key)
  local opens_in = 0
  if counted >= most then
    opens_in = redis.call('LINDEX', key, most - 1) + window + 1 - now
    admitted = false
  end
  seen[i] = {counted, (oldest or now) + window + 1 - now, opens_in}
end
if admitted then
  for _, key in ipairs(KEYS) do
    redis.call('LPUSH', key, stamp)
    redis.call('PEXPIRE', key, window / 1000 + 1000)
  end
end
return seen
"""
# Braces keep the keys of one request on one machine of a cluster.
_PREFIX = "{cracktrader}:rate:"


class RedisStore:
    def __init__(self, url: str) -> None:
        # Most desks have no Redis, and need not load what speaks to one.
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._error = redis.RedisError
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._client.register_script(_SCRIPT)

    def hit(self, limits: Sequence[Limit]) -> list[Seen]:
        names = [f"{_PREFIX}{limit.bucket}" for limit in limits]
        try:
            found = self._script(names, [WINDOW // 1000, *(limit.most for limit in limits)])
        except (self._error, OSError) as error:
            raise StoreFailed(str(error)) from error
        return [Seen(row[0], row[1] * 1000, row[2] * 1000) for row in found]
