-- Forgets terms: KEYS 1 the owner of the shard in which they lie, 2 the terms; ARGV 1 the epoch, then their ids.
-- Answers 0, or the epoch of another owner: then nothing is forgotten.
local owner = redis.call('GET', KEYS[1]) or '0'
if owner ~= ARGV[1] then
  return tonumber(owner)
end
for i = 2, #ARGV do
  redis.call('HDEL', KEYS[2], ARGV[i])
end
return 0
