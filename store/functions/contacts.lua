--[[
Contacts, who is in which audience, and what an opt-out does to both. A call is about one shard; a shard's number is its keys' hash tag.
store/contacts.py and store/audiences.py make the arguments.
--]]

------------------------------------------------------------------------------------------------------------
-- sg_contacts_write: writes, changes and removes contacts of one home shard
--   KEYS     order, then buckets of contacts
--   ARGV     JSON list of {bucket, id, version, value, add, drop}: bucket is a key's position; version is what the caller
--            has seen (0: nothing there); value the new one, which begins with its own version, or '' to remove; add and
--            drop are members of the order
--   returns  a character for each: 1 written, 0 somebody else was quicker and nothing was changed

redis.register_function('sg_contacts_write', function(keys, args)
  local written = {}
  for index, row in ipairs(cjson.decode(args[1])) do
    local current = redis.call('HGET', keys[row.bucket], row.id)
    local version = current and tonumber(string.match(current, '^%d+')) or 0
    if version == row.version then
      if row.value == '' then
        redis.call('HDEL', keys[row.bucket], row.id)
      else
        redis.call('HSET', keys[row.bucket], row.id, row.value)
      end
      for _, member in ipairs(row.drop) do redis.call('ZREM', keys[1], member) end
      for _, member in ipairs(row.add) do redis.call('ZADD', keys[1], 0, member) end
      written[index] = '1'
    else
      written[index] = '0'
    end
  end
  return table.concat(written)
end)

------------------------------------------------------------------------------------------------------------
-- sg_contacts_index: which contacts have a number, or a customer's own id; both in the shard of what is looked up
--   KEYS     hashes
--   ARGV     JSON list of {key, field, id, on}: the contact's id joins (on) or leaves the ids of a field

local function without(ids, id)
  local left = {}
  for known in string.gmatch(ids, '%S+') do
    if known ~= id then left[#left + 1] = known end
  end
  return left
end

redis.register_function('sg_contacts_index', function(keys, args)
  for _, row in ipairs(cjson.decode(args[1])) do
    local ids = without(redis.call('HGET', keys[row.key], row.field) or '', row.id)
    if row.on then ids[#ids + 1] = row.id end
    if #ids > 0 then
      redis.call('HSET', keys[row.key], row.field, table.concat(ids, ' '))
    else
      redis.call('HDEL', keys[row.key], row.field)
    end
  end
  return 1
end)

------------------------------------------------------------------------------------------------------------
-- sg_audience_join: puts numbers of one shard into an audience, unless something blocks them
--   KEYS     audience sizes, then per gate bucket: the audience's members, a gate index for each scope
--   ARGV     JSON {audience, scopes, buckets}: how many scopes there are, and the members of each gate bucket
--   returns  a character for each member: 1 joined, 2 was in it, 0 blocked

redis.register_function('sg_audience_join', function(keys, args)
  local payload = cjson.decode(args[1])
  local answers, joined, position = {}, 0, 2
  for _, members in ipairs(payload.buckets) do
    for _, member in ipairs(members) do
      local answer = '1'
      for scope = 1, payload.scopes do
        if redis.call('SISMEMBER', keys[position + scope], member) == 1 then answer = '0' end
      end
      if answer == '1' and redis.call('SADD', keys[position], member) == 0 then answer = '2' end
      if answer == '1' then joined = joined + 1 end
      answers[#answers + 1] = answer
    end
    position = position + payload.scopes + 1
  end
  if joined > 0 then redis.call('HINCRBY', keys[1], payload.audience, joined) end
  return table.concat(answers)
end)

------------------------------------------------------------------------------------------------------------
-- sg_audience_leave: takes numbers of one shard out of audiences
--   KEYS     audience sizes, then whatever the rows refer to
--   ARGV     JSON list of {member, gate, audiences}: audiences are {key, name} pairs; with a gate index the number leaves
--            only while that blocks it: whoever came back meanwhile is left alone
--   returns  for each row how many audiences it left, or -1 when nothing blocks it

redis.register_function('sg_audience_leave', function(keys, args)
  local left = {}
  for index, row in ipairs(cjson.decode(args[1])) do
    left[index] = 0
    if row.gate and redis.call('SISMEMBER', keys[row.gate], row.member) == 0 then
      left[index] = -1
    else
      for _, audience in ipairs(row.audiences) do
        local gone = redis.call('SREM', keys[audience[1]], row.member)
        if gone == 1 then redis.call('HINCRBY', keys[1], audience[2], -1) end
        left[index] = left[index] + gone
      end
    end
  end
  return left
end)

------------------------------------------------------------------------------------------------------------
-- sg_close_question: an open question is closed, if it is still the one that was read
--   KEYS     open question        ARGV  the question
--   returns  1 when it was closed, else 0

redis.register_function('sg_close_question', function(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 0 end
  return redis.call('DEL', keys[1])
end)
