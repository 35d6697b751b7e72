// Servers that an address names: nothing is asked of them before the visitor has agreed. Whoever sends a link would else
// make its reader's browser ask any server that answers.
import { HUB } from "../worker/messages";

/** What the visitor is asked. */
export interface Question {
  origin: string;
  /** What would be fetched from there. */
  what: string;
  answer: (agreed: boolean) => void;
}

class Consent {
  #trusted = new Set([new URL(HUB).origin, location.origin]);

  question = $state.raw<Question | null>(null);

  /** Whether nobody need be asked about this server. */
  has(endpoint: string): boolean {
    return this.#trusted.has(originOf(endpoint));
  }

  /** The visitor has typed this server's address. */
  typed(endpoint: string): void {
    try {
      this.#trusted.add(originOf(endpoint));
    } catch {
      // Not an address yet; it is refused when it is used.
    }
  }

  /** Asks the visitor, if need be. Throws where the endpoint is no address. */
  async to(endpoint: string, what: string): Promise<boolean> {
    if (this.has(endpoint)) return true;
    const origin = originOf(endpoint);
    // Whoever waited for an answer to another question is overtaken.
    this.question?.answer(false);
    const question = await new Promise<{ agreed: boolean; asked: Question }>((done) => {
      const asked: Question = { origin, what, answer: (agreed) => done({ agreed, asked }) };
      this.question = asked;
    });
    if (this.question === question.asked) this.question = null;
    if (question.agreed) this.#trusted.add(origin);
    return question.agreed;
  }
}

function originOf(endpoint: string): string {
  let url: URL | null = null;
  try {
    url = new URL(endpoint);
  } catch {
    // Said below.
  }
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Error(`the endpoint “${endpoint}” is no address such as ${HUB}`);
  }
  return url.origin;
}

export const consent = new Consent();
