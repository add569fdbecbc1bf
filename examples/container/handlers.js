/** Your model stands here: what is yielded are partial results. */
export default async function* ({ body }) {
  for (const word of Buffer.from(body).toString().split(' ')) yield `${word} `;
}
