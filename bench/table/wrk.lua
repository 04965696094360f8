-- Sends the requests of a file in turn, as they are, and prints what came of it as JSON.
-- The file: of each request its length in ten digits, then its bytes.
-- args: file; how many to send at most, 0 = no limit; and, if the first request is to be sent with many tokens in turn:
-- a file of tokens, one a line; how many of them; the first.
local requests, tokens, index, answered = {}, {}, 0, 0
local before, after

local function readTokens(path, count)
  for token in io.lines(path) do
    if #tokens == count then break end
    tokens[#tokens + 1] = token
  end
  before, after = requests[1]:match("^(.-Bearer )%S+(.*)$")
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  while true do
    local length = file:read(10)
    if not length then break end
    requests[#requests + 1] = file:read(tonumber(length))
  end
  file:close()
  local amount = tonumber(args[2])
  if amount > 0 then
    response = function()
      answered = answered + 1
      if answered == amount then
        wrk.thread:stop()
        -- wrk itself sleeps on until it is interrupted.
        io.write("all answered\n")
        io.flush()
      end
    end
  end
  if args[3] then
    readTokens(args[3], tonumber(args[4]))
    index = tonumber(args[5])
  end
end

function request()
  if before then
    index = index % #tokens + 1
    return before .. tokens[index] .. after
  end
  index = index % #requests + 1
  return requests[index]
end

function done(summary)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"microseconds":%d,"refused":%d,"lost":%d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
