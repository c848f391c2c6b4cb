"use strict"
// A stock shop: what differs from one run of the tests to the next comes from the environment.
const env = process.env
const withRedis = (name) => ({ resolve: name, options: { redisUrl: env.REDIS_URL } })

module.exports = {
  projectConfig: {
    database_type: "postgres",
    database_url: env.DATABASE_URL,
    redis_url: env.REDIS_URL,
    jwt_secret: env.JWT_SECRET,
    cookie_secret: env.COOKIE_SECRET,
    store_cors: env.STORE_CORS,
    admin_cors: env.ADMIN_CORS,
  },
  plugins: ["medusa-fulfillment-manual", "medusa-payment-manual"],
  modules: {
    eventBus: withRedis("@medusajs/event-bus-redis"),
    cacheService: withRedis("@medusajs/cache-redis"),
  },
}
