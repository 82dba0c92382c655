local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "/page/" .. (n % 500))
end
