-- One commit of one entity: everything, or nothing.
--
-- KEYS: 1 the shard's owner, 2 the snapshot, 3 the agenda, 4 the events
-- ARGV: 1 epoch, 2 expected version, 3 the write, 4 the new envelope, 5 entity, 6 its score in the agenda or 'none',
--       then seq, at, event …
-- Answers: 1 written, 2 a duplicate, 'c' and the version found, 'f' and the epoch found.
--
-- Whatever can refuse (wrong type, out of memory, read-only) does so at the first write; nothing can fail after it.
local call = redis.call
local owner = call('GET', KEYS[1])
if owner ~= ARGV[1] then
  return 'f' .. (owner or '0')
end
local version, score = '0', 'none'
local head = call('GETRANGE', KEYS[2], 0, 159)
if head ~= '' then
  local write, live, due
  version, write, live, due = string.match(
    head, '^{"v":1,"version":(%d+),"write":"(%x+)","live":(%a+),"due":([^,]+),')
  if not version then
    return redis.error_reply('CORRUPT the snapshot at ' .. KEYS[2] .. ' is not an envelope of form 1')
  end
  if write == ARGV[3] then
    return 2
  end
  if due ~= 'null' then
    score = due
  elseif live == 'true' then
    score = '+inf'
  end
end
if version ~= ARGV[2] then
  return 'c' .. version
end
call('SET', KEYS[2], ARGV[4])
if score ~= ARGV[6] then
  if ARGV[6] == 'none' then
    call('ZREM', KEYS[3], ARGV[5])
  else
    call('ZADD', KEYS[3], ARGV[6], ARGV[5])
  end
end
for i = 7, #ARGV, 3 do
  call('XADD', KEYS[4], '*', 'of', ARGV[5], 'seq', ARGV[i], 'at', ARGV[i + 1], 'event', ARGV[i + 2])
end
return 1
