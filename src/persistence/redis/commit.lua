-- One commit of one entity: everything, or nothing.
--
-- KEYS: 1 the shard's owner, 2 the snapshot, 3 the agenda, 4 the events, 5 the count of the shard's commits; when it
--       may expire: 6 the snapshot of its companion, with which it expires
-- ARGV: 1 epoch, 2 expected version, 3 the write, 4 the new envelope, 5 entity, 6 its score in the agenda or 'none',
--       7 for how many seconds it is kept once it and its companion are over, or '0': for ever, then the events
-- Answers: the count of the shard's commits when it was written; the count with a minus sign, or 0, for a duplicate;
--          'c' and the version found, 'f' and the epoch found.
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
    return -tonumber(call('GET', KEYS[5]) or '0')
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
if ARGV[7] == '0' then
  call('SET', KEYS[2], ARGV[4])
else
  local companion = call('GETRANGE', KEYS[6], 0, 159)
  local lives, due = string.match(companion, '^{"v":1,"version":%d+,"write":"%x+","live":(%a+),"due":([^,]+),')
  if companion == '' then
    call('SET', KEYS[2], ARGV[4], 'EX', ARGV[7])
  elseif lives == 'false' and due == 'null' then
    call('SET', KEYS[2], ARGV[4], 'EX', ARGV[7])
    call('EXPIRE', KEYS[6], ARGV[7])
  else
    call('SET', KEYS[2], ARGV[4])
  end
end
if score ~= ARGV[6] then
  if ARGV[6] == 'none' then
    call('ZREM', KEYS[3], ARGV[5])
  else
    call('ZADD', KEYS[3], ARGV[6], ARGV[5])
  end
end
for i = 8, #ARGV do
  call('XADD', KEYS[4], '*', ARGV[5], ARGV[i])
end
return call('INCR', KEYS[5])
