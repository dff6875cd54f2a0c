-- Takes a shard: KEYS 1 its owner; ARGV 1 the new epoch. Answers 0, or the epoch that is as high already.
local owner = tonumber(redis.call('GET', KEYS[1]) or '0')
if owner >= tonumber(ARGV[1]) then
  return owner
end
redis.call('SET', KEYS[1], ARGV[1])
return 0
