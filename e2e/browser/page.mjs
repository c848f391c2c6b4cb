// page.mjs is the storefront page of the demo, as somebody uses it who sees it.

import assert from "node:assert/strict"

/** The storefront in one tab. */
export class Storefront {
  #page

  constructor(page) {
    this.#page = page
  }

  open() {
    return this.#page.goto(process.env.SHOP_URL + "/")
  }

  register(fields) {
    return this.#submit("register", fields)
  }

  login(fields) {
    return this.#submit("login", fields)
  }

  /** Goes to somebody else's login page, and picks that person there, or cancels. */
  async signInWith(provider, person) {
    await this.#click("nav-login")
    await this.#click(`sign-in-${provider}`)
    await this.#page.getByRole("button", { name: person }).click()
  }

  async forgot(fields) {
    await this.#click("nav-login")
    await this.#click("nav-forgot")
    await this.#fill("forgot", fields)
    await this.#page.getByTestId("status").filter({ hasText: "a reset link is on its way" }).waitFor()
  }

  reset(fields) {
    return this.#fill("reset", fields)
  }

  logout() {
    return this.#click("logout")
  }

  retry() {
    return this.#click("retry")
  }

  async #click(id) {
    await this.#page.bringToFront() // browsers slow down a tab that nobody looks at
    await this.#page.getByTestId(id).click()
  }

  async #submit(form, fields) {
    await this.#click(`nav-${form}`)
    await this.#fill(form, fields)
  }

  async #fill(form, fields) {
    for (const [name, value] of Object.entries(fields)) {
      await this.#page.getByTestId(`${form}-${name.replace("_", "-")}`).fill(value)
    }
    await this.#click(`${form}-submit`)
  }

  /** Waits until that view is the one that is shown, and the page is at rest. */
  async shows(view) {
    await this.#page.getByTestId(`view-${view}`).waitFor()
    await this.atRest()
    assert.equal(await this.#page.locator("section[id^=view-]:visible").count(), 1)
  }

  /** Waits until nothing is under way. */
  atRest() {
    return this.#page.locator("[aria-busy]").waitFor({ state: "detached" })
  }

  /** Waits for that alert. */
  async says(alert) {
    await this.#page.getByTestId("alert").filter({ hasText: alert }).waitFor()
    await this.atRest()
    assert.equal(await this.text("alert"), alert)
  }

  visible(id) {
    return this.#page.getByTestId(id).isVisible()
  }

  async text(id) {
    return (await this.#page.getByTestId(id).textContent()).trim()
  }

  /** Returns what scripts of the page could find of a login. */
  stored() {
    return this.#page.evaluate(async () => ({
      cookie: document.cookie,
      localStorage: localStorage.length,
      sessionStorage: sessionStorage.length,
      databases: (await indexedDB.databases()).length,
    }))
  }
}
