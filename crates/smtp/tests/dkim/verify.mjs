// Verifies every DKIM signature of the mail on stdin with mailauth. argv[2]: the folder that holds it; argv[3]: JSON, DNS name to
// TXT record. Prints one word a signature.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(`${process.argv[2]}/`);
const { dkimVerify } = require('mailauth/lib/dkim/verify');
const records = JSON.parse(process.argv[3]);

const resolver = async (name, kind) => {
    if (kind === 'TXT' && records[name]) {
        return [[records[name]]];
    }
    throw Object.assign(new Error('no such record'), { code: 'ENOTFOUND' });
};

const { results } = await dkimVerify(readFileSync(0), { resolver, minBitLength: 2048 });
for (const { status } of results) {
    console.log(status.result === 'pass' ? 'pass' : `fail ${status.result} ${status.comment || ''}`);
}
