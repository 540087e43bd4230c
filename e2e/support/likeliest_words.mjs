/** Has the text jobs of a page write the likeliest words: its model answers the same each time then. */
export async function writeLikeliestWords(page) {
  await page.route('**/v1/jobs', (route) => {
    if (route.request().method() !== 'POST') return route.fallback();
    const job = route.request().postDataJSON();
    if (job.kind !== 'text') return route.fallback();
    return route.fallback({ postData: JSON.stringify({ ...job, input: { ...job.input, temperature: 0 } }) });
  });
}
