// page.mjs is the dashboard, as somebody uses it who sees it.

/** The dashboard in the browser of one person. */
export class Dashboard {
  #page
  #refusals = new Set()
  #left = false // whether somebody has logged out
  #late = new WeakSet() // requests of a page that shows what only somebody logged in may see

  static async open(browser) {
    const context = await browser.newContext()
    context.setDefaultTimeout(60_000)
    return new Dashboard(await context.newPage())
  }

  constructor(page) {
    this.#page = page
    page.on("request", (request) => this.#left && this.#late.add(request))
    page.on("response", (response) => {
      if (response.status() >= 400 && !this.#late.has(response.request())) {
        const { pathname } = new URL(response.url())
        this.#refusals.add(`${response.request().method()} ${pathname} ${response.status()}`)
      }
    })
  }

  /**
   * Returns what was answered with an error so far, each once, but not between a
   * log-out and the next log-in: how much a page still asks for before it goes is
   * a matter of time.
   */
  refusals() {
    return [...this.#refusals].sort()
  }

  /** Returns the cookies that hold a session. */
  async sessions() {
    return (await this.#page.context().cookies()).filter(({ name, value }) => name === "connect.sid" && value)
  }

  /** Puts cookies back that were there once. */
  restore(cookies) {
    return this.#page.context().addCookies(cookies)
  }

  reload() {
    return this.#page.reload()
  }

  visit(path = "") {
    return this.#page.goto(`${process.env.SHOP_URL}/app${path}`)
  }

  /** Waits until the dashboard shows that page. */
  at(path) {
    return this.#page.waitForURL((url) => url.pathname === `/app${path}`)
  }

  /** Waits until that text is to be seen. */
  says(text) {
    return this.#page.getByText(text).first().waitFor()
  }

  async fill(fields) {
    for (const [name, value] of Object.entries(fields)) {
      await this.#page.locator(`input[name="${name}"]`).fill(value)
    }
  }

  press(name) {
    return this.#page.getByRole("button", { name, exact: true }).click()
  }

  async login(email, password) {
    this.#left = false
    await this.fill({ email, password })
    await this.press("Continue with Email")
  }

  /** Goes to the login page of a provider of that name. */
  async continueWith(provider) {
    await this.press(`Continue with ${provider}`)
    await this.says("Who are you?") // both pages have a field for the address
    this.#left = false
  }

  /** Logs in there with an address. */
  async loginWith(provider, email, fields = {}) {
    await this.continueWith(provider)
    await this.fill({ ...fields, email })
    await this.press("Sign in")
  }

  /**
   * Uses the menu below the user's name, and opens a page anew once the log-out is
   * answered: an answer to "who am I" that comes behind it makes the dashboard stay
   * where it is, in front of Medusa alone as well.
   */
  async logout() {
    await this.#page.locator("aside button[aria-haspopup=menu]:visible").last().click()
    this.#left = true
    const answered = this.#page.waitForResponse((response) =>
      response.request().method() === "DELETE" && new URL(response.url()).pathname === "/auth/session")
    await this.#page.getByRole("menuitem", { name: "Log out" }).click()
    await answered
    await this.visit("/orders")
  }
}
