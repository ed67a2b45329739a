--[[
Third part: the derived index of an account's numbers (store/number_index.py).
--]]

------------------------------------------------------------------------------------------------------------
-- sg_indexed: moves an index's position in one shard's journal on, and takes out who is no longer blocked
--   KEYS     positions, then leaves
--   ARGV     shard, position before, position after, then for each leaf a JSON list of the members to take out
--   returns  1, or 0 when somebody else moved the position meanwhile: then nothing was done. That is what keeps an
--            opt-out that was indexed by somebody faster from being taken out by somebody slower.

redis.register_function('sg_indexed', function(keys, args)
  local known = redis.call('HGET', keys[1], args[1]) or ''
  if known ~= args[2] then return 0 end
  for index = 2, #keys do redis.call('SREM', keys[index], unpack(cjson.decode(args[index + 2]))) end
  redis.call('HSET', keys[1], args[1], args[3])
  return 1
end)
