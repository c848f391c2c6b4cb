import { ContainerRegistrationKeys, defineConfig, Modules } from "@medusajs/framework/utils"

// A stock shop: what differs from one run of the tests to the next comes from the environment.
const env = process.env

module.exports = defineConfig({
  projectConfig: {
    databaseUrl: env.DATABASE_URL,
    redisUrl: env.REDIS_URL,
    http: {
      storeCors: env.STORE_CORS!,
      adminCors: env.ADMIN_CORS!,
      authCors: env.AUTH_CORS!,
      jwtSecret: env.JWT_SECRET,
      cookieSecret: env.COOKIE_SECRET,
      authMethodsPerActor: { user: ["emailpass"], customer: ["emailpass"] },
    },
  },
  modules: [
    {
      resolve: "@medusajs/medusa/auth",
      dependencies: [Modules.CACHE, ContainerRegistrationKeys.LOGGER],
      options: { providers: [{ resolve: "@medusajs/medusa/auth-emailpass", id: "emailpass" }] },
    },
  ],
})
