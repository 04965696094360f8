-- Sends the requests of a file in turn, as they are, and prints what came of it as JSON.
-- The file: of each request its length in ten digits, then its bytes. args: file, and, if only so many are to be sent, how many.
local requests, index, answered = {}, 0, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  while true do
    local length = file:read(10)
    if not length then break end
    requests[#requests + 1] = file:read(tonumber(length))
  end
  file:close()
  local amount = tonumber(args[2])
  if amount then
    response = function()
      answered = answered + 1
      if answered == amount then wrk.thread:stop() end
    end
  end
end

function request()
  index = index % #requests + 1
  return requests[index]
end

function done(summary)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"microseconds":%d,"refused":%d,"lost":%d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
