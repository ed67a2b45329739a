--[[
Third part: erasing a person (store/erasure.py). The number is replaced by a pseudonym, a keyed hash, everywhere: in the
journal, whose entries keep their ids, and in what the journal explains. So the state still follows from the journal, the
gate still refuses, and nobody without the key can say who it was.
--]]

-- One channel of one scope: the number leaves the gate index, its pseudonym joins it when it is blocked there.
local function move_member(keys, position, payload, scope, channel)
  local counted = channel .. ':' .. scope.scope
  local change = -redis.call('SREM', keys[position], payload.member)
  if scope[channel] then
    change = change + redis.call('SADD', keys[position + 1], payload.pseudonym)
    redis.call('HSET', keys[3], 'erased:' .. counted, 1)
  else
    change = change - redis.call('SREM', keys[position + 1], payload.pseudonym)
  end
  -- Also a change of nothing makes the field: whoever looks for used scopes has to find this one.
  if change ~= 0 or scope[channel] then redis.call('HINCRBY', keys[3], counted, change) end
end

------------------------------------------------------------------------------------------------------------
-- sg_erase: puts a rewritten copy in the place of a journal, and the pseudonym in the place of the number
--   KEYS     journal, who is behind, members, copy, counters; then per scope: details of the number, details of its
--            pseudonym, gate text of both, gate voice of both
--   ARGV     JSON {last, rewritten, member, field, pseudonym, scopes: [{scope, text, voice}], entry}: the copy reaches
--            to `last`, was begun when the shard had seen `rewritten` rewritings; then per scope the pseudonym's details
--   returns  "done"; or "grown" when the journal has newer entries, "rewritten" when the copy is of an older text

redis.register_function('sg_erase', function(keys, args)
  local payload = cjson.decode(args[1])
  if (redis.call('HGET', keys[5], 'journal_rewritten') or '0') ~= payload.rewritten then return 'rewritten' end
  local newest = redis.call('XREVRANGE', keys[1], '+', '-', 'COUNT', 1)[1]
  if not newest or newest[1] ~= payload.last then return 'grown' end
  redis.call('RENAME', keys[4], keys[1])
  redis.call('PERSIST', keys[1])
  redis.call('HINCRBY', keys[5], 'journal_rewritten', 1)
  for index, scope in ipairs(payload.scopes) do
    local position = 6 * index
    redis.call('HDEL', keys[position], payload.field)
    if args[index + 1] ~= '' then redis.call('HSET', keys[position + 1], payload.pseudonym, args[index + 1]) end
    move_member(keys, position + 2, payload, scope, 'text')
    move_member(keys, position + 4, payload, scope, 'voice')
  end
  journal(keys, 1, payload.entry)
  return 'done'
end)
